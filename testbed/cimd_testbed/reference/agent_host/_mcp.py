"""MCP over Streamable HTTP, in both forms: with a session, and stateless.

2025-11-25 opens with `initialize` and may get an `Mcp-Session-Id`; 2026-07-28 has no
session, every request carries its metadata, and headers repeat what the body says.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.net import Headers, Response
from cimd_testbed.reference.agent_host._errors import stopped
from cimd_testbed.reference.agent_host._settings import STATELESS

_META = "io.modelcontextprotocol"
_BASE: Headers = (
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
)
_MODERN_ERRORS = frozenset({-32020, -32021, -32022})
"""HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion."""
_CLIENT = {"name": "cimd-reference-agent-host", "version": "1"}


@dataclass(frozen=True, slots=True)
class McpRequest:
    """One JSON-RPC message, ready to be sent; the token is added by whoever sends."""

    headers: Headers
    body: bytes


@dataclass(slots=True)
class McpSession:
    """The state of one conversation with one server."""

    protocol: str
    session_id: str | None = None
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def stateless(self) -> bool:
        """Whether every request stands alone."""
        return self.protocol == STATELESS

    def request(self, method: str, params: dict[str, Any]) -> McpRequest:
        """Make a request in the session's form."""
        message = {"jsonrpc": "2.0", "id": next(self._ids), "method": method}
        if not self.stateless:
            headers = _BASE
            if method != "initialize":
                headers = (*headers, *self._session_headers())
            return _made(headers, {**message, "params": params})
        meta = {
            f"{_META}/protocolVersion": self.protocol,
            f"{_META}/clientInfo": _CLIENT,
            f"{_META}/clientCapabilities": {},
        }
        headers = (
            *_BASE,
            ("MCP-Protocol-Version", self.protocol),
            ("Mcp-Method", method),
        )
        if method in ("tools/call", "prompts/get"):
            headers = (*headers, ("Mcp-Name", str(params["name"])))
        return _made(headers, {**message, "params": {**params, "_meta": meta}})

    def initialize(self) -> McpRequest:
        """Make the first request of a session."""
        return self.request(
            "initialize",
            {
                "protocolVersion": self.protocol,
                "capabilities": {},
                "clientInfo": _CLIENT,
            },
        )

    def initialized(self) -> McpRequest:
        """Make the notification that ends the handshake."""
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        return _made((*_BASE, *self._session_headers()), message)

    def _session_headers(self) -> Headers:
        version = (("MCP-Protocol-Version", self.protocol),)
        if self.session_id is None:
            return version
        return (*version, ("Mcp-Session-Id", self.session_id))


def _made(headers: Headers, message: dict[str, Any]) -> McpRequest:
    return McpRequest(headers, json.dumps(message, separators=(",", ":")).encode())


def is_older(response: Response) -> bool:
    """Whether a stateless request met a server that only knows sessions.

    A server that knows the form answers 400 with an error of the form.
    """
    if response.status not in (400, 404, 405):
        return False
    error = _message(response).get("error")
    return not (isinstance(error, dict) and error.get("code") in _MODERN_ERRORS)


def result_of(response: Response) -> dict[str, Any]:
    """Return the result of a call; raises `Stopped` for an error."""
    message = _message(response)
    result = message.get("result")
    if response.status != 200 or not isinstance(result, dict):
        error = message.get("error")
        text = error.get("message") if isinstance(error, dict) else None
        raise stopped(
            "client-401-handling", f"HTTP {response.status} {text or ''}".strip()
        )
    return result


def _message(response: Response) -> dict[str, Any]:
    """Return the JSON-RPC message of a response, from JSON or from a stream."""
    text = response.text
    if (response.header("content-type") or "").startswith("text/event-stream"):
        lines = [line for line in text.splitlines() if line.startswith("data:")]
        text = lines[-1].removeprefix("data:") if lines else ""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
