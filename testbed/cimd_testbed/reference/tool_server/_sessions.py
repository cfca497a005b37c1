"""Sessions of MCP 2025-11-25: they remember whose they are, and prove nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cimd_testbed.core import JsonObject
from cimd_testbed.net import Request
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._refusal import MessageRefused

SESSIONS = 4096


@dataclass(slots=True)
class Sessions:
    """The open sessions: by id, the claims of whoever opened them."""

    checks: ToolServerChecks
    _open: dict[str, JsonObject] = field(default_factory=dict)

    def open(self, claims: JsonObject) -> str:
        """Open a session and return its id; the oldest gives way."""
        session_id = self.checks.session_id(secrets.token_bytes(32))
        self._open[session_id] = claims
        if len(self._open) > SESSIONS:
            del self._open[next(iter(self._open))]
        return session_id

    def named(self, request: Request) -> JsonObject | None:
        """Return the claims behind the session id of a request, if there is one."""
        return self._open.get(request.header("mcp-session-id") or "")

    def demand(self, request: Request, claims: JsonObject) -> None:
        """Demand a session of the caller's own; raises `MessageRefused`.

        Somebody else's session is answered like one that never was.
        """
        if request.header("mcp-session-id") is None:
            raise MessageRefused(-32600, "The session id is missing.")
        owner = self.named(request)
        gone = MessageRefused(-32600, "There is no such session.", 404)
        if owner is None:
            raise gone
        one, other = self.checks.session_owner(owner), self.checks.session_owner(claims)
        if self.checks.session_belongs(one, other).refused:
            raise gone

    def close(self, request: Request) -> None:
        """End the session of a request."""
        self._open.pop(request.header("mcp-session-id") or "", None)
