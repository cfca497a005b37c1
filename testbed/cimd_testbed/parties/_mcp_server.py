"""An MCP server that is played: both protocol forms, no defences, all changeable.

It wants a token, says where to get one, and has one tool. Every response is handed to
`edit` before it leaves, as a tree of `status`, `headers` and `json`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.net import Headers, Request, Response

STATEFUL = "2025-11-25"
STATELESS = "2026-07-28"
TOOL = "whoami"
_META = "io.modelcontextprotocol"
_INFO = {"name": "cimd-conformance", "version": "1"}

Tree = dict[str, Any]
EditTree = Callable[[str, Request, Tree], Tree]
"""Message, request and the honest response; returns what is sent."""


def response_of(tree: Tree) -> Response:
    """Make the response that a tree describes."""
    headers: Headers = tuple((k, str(v)) for k, v in tree.get("headers", {}).items())
    body = b""
    if "json" in tree:
        body = json.dumps(tree["json"]).encode()
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (("Content-Type", "application/json"), *headers)
    if "text" in tree:
        body = str(tree["text"]).encode()
    return Response(int(tree["status"]), headers, body)


def send_honestly(message: str, request: Request, tree: Tree) -> Tree:
    """Change nothing."""
    del message, request
    return tree


@dataclass(slots=True)
class McpServer:
    """One protected MCP endpoint."""

    url: str
    issuer: str
    scope_of: Callable[[str], tuple[str, ...] | None]
    """Returns the scope of an access token, None for one that is not good."""
    edit: EditTree = send_honestly
    on_call: Callable[[str, str], None] = lambda _method, _token: None
    """Hears of every message that came with a good token."""
    protocols: tuple[str, ...] = (STATEFUL, STATELESS)
    scope: tuple[str, ...] = ("mcp:read",)
    """Needed for everything."""
    tool_scope: tuple[str, ...] = ()
    """Needed besides for `tools/call`, and only asked for there."""
    metadata_paths: tuple[str, ...] = ()
    """Where the metadata is; without any, at the well-known place with the path."""
    sessions: set[str] = field(default_factory=set)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def origin(self) -> str:
        """The origin of the endpoint."""
        return "/".join(self.url.split("/")[:3])

    @property
    def path(self) -> str:
        """The path of the endpoint."""
        return self.url.removeprefix(self.origin) or "/"

    @property
    def metadata_url(self) -> str:
        """The well-known URL of the endpoint's metadata (RFC 9728 section 3.1)."""
        path = self.path.rstrip("/")
        return f"{self.origin}/.well-known/oauth-protected-resource{path}"

    async def handle(self, request: Request) -> Response:
        """Answer any request to the server's origin."""
        paths = self.metadata_paths or (self.metadata_url.removeprefix(self.origin),)
        if request.path in paths:
            return self._sent("prm", request, {"status": 200, "json": self._metadata()})
        if request.path != self.path:
            return self._sent("not-found", request, {"status": 404})
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        granted = self.scope_of(token) if scheme.lower() == "bearer" else None
        if granted is None:
            return self._challenge(request, token)
        missing = [item for item in self.scope if item not in granted]
        if missing:
            return self._scope_challenge(request, tuple(missing))
        return self._endpoint(request, token, granted)

    def _metadata(self) -> Tree:
        return {
            "resource": self.url,
            "authorization_servers": [self.issuer],
            "scopes_supported": [*self.scope],
            "bearer_methods_supported": ["header"],
        }

    def _challenge(self, request: Request, token: str) -> Response:
        params = {
            "resource_metadata": self.metadata_url,
            "scope": " ".join(self.scope),
        }
        if token:
            params["error"] = "invalid_token"
        tree = {"status": 401, "headers": {}, "bearer": params}
        return self._sent("challenge", request, tree)

    def _scope_challenge(self, request: Request, missing: tuple[str, ...]) -> Response:
        """Ask for the new scope alone: a client that drops the old one then shows."""
        params = {
            "error": "insufficient_scope",
            "scope": " ".join(missing),
            "resource_metadata": self.metadata_url,
        }
        tree = {"status": 403, "headers": {}, "bearer": params}
        return self._sent("scope_challenge", request, tree)

    def _sent(self, message: str, request: Request, tree: Tree) -> Response:
        tree = self.edit(message, request, tree)
        params = tree.pop("bearer", None)
        if params:
            pairs = ", ".join(f'{name}="{value}"' for name, value in params.items())
            tree["headers"] = {
                "WWW-Authenticate": f"Bearer {pairs}",
                **tree["headers"],
            }
        return response_of(tree)

    # --- the protocol ----------------------------------------------------------------

    def _endpoint(
        self, request: Request, token: str, granted: tuple[str, ...]
    ) -> Response:
        if request.method != "POST":
            status = 200 if request.method == "DELETE" else 405
            return self._sent("mcp_other", request, {"status": status})
        try:
            message = json.loads(request.body)
            method, identifier = str(message["method"]), message.get("id")
        except (ValueError, KeyError, TypeError):
            return self._sent("mcp_other", request, {"status": 400})
        if method == "tools/call":
            missing = tuple(item for item in self.tool_scope if item not in granted)
            if missing:
                return self._scope_challenge(request, missing)
        tree = self._answer(request, message, method, identifier)
        if tree["status"] < 300:
            self.on_call(method, token)
        return self._sent("mcp_response", request, tree)

    def _answer(
        self, request: Request, message: Any, method: str, identifier: Any
    ) -> Tree:
        params = message.get("params")
        meta = params.get("_meta") if isinstance(params, dict) else None
        stateless = isinstance(meta, dict) and f"{_META}/protocolVersion" in meta
        if identifier is None:
            return {"status": 202}
        if stateless:
            return self._stateless(request, method, identifier, meta or {})
        if STATEFUL not in self.protocols:
            data = {"supported": [*self.protocols]}
            return _error(identifier, -32022, "Unsupported protocol version", data)
        tree = _result(identifier, _results(method, stateless=False))
        if method == "initialize":
            session = f"session-{next(self._ids)}"
            self.sessions.add(session)
            tree["headers"] = {"Mcp-Session-Id": session}
        return tree

    def _stateless(
        self, request: Request, method: str, identifier: Any, meta: Tree
    ) -> Tree:
        if STATELESS not in self.protocols:
            # What a server says that has never heard of this form.
            return {"status": 400, "text": "Bad Request: no session"}
        if request.header("mcp-method") != method:
            return _error(identifier, -32020, "Header mismatch: Mcp-Method")
        if meta.get(f"{_META}/protocolVersion") != STATELESS:
            data = {"supported": [*self.protocols]}
            return _error(identifier, -32022, "Unsupported protocol version", data)
        return _result(identifier, _results(method, stateless=True))


def _results(method: str, *, stateless: bool) -> Tree | None:
    extra: Tree = {"resultType": "complete"} if stateless else {}
    match method:
        case "initialize":
            return {
                "protocolVersion": STATEFUL,
                "capabilities": {"tools": {}},
                "serverInfo": _INFO,
            }
        case "server/discover":
            return {
                "resultType": "complete",
                "supportedVersions": [STATELESS],
                "capabilities": {"tools": {}},
                "_meta": {f"{_META}/serverInfo": _INFO},
                "ttlMs": 0,
                "cacheScope": "private",
            }
        case "tools/list":
            cache = {"ttlMs": 0, "cacheScope": "private"} if stateless else {}
            return {"tools": [_TOOL], **extra, **cache}
        case "tools/call":
            content = [{"type": "text", "text": "alice"}]
            return {"content": content, "isError": False, **extra}
        case "ping":
            return {}
        case _:
            return None


_TOOL = {
    "name": TOOL,
    "description": "Tell whose access token this is.",
    "inputSchema": {"type": "object", "properties": {}},
}


def _result(identifier: Any, result: Tree | None) -> Tree:
    if result is None:
        return _error(identifier, -32601, "Method not found", status=404)
    message = {"jsonrpc": "2.0", "id": identifier, "result": result}
    return {"status": 200, "headers": {}, "json": message}


def _error(
    identifier: Any, code: int, text: str, data: Any = None, status: int = 400
) -> Tree:
    error: Tree = {"code": code, "message": text}
    if data is not None:
        error["data"] = data
    message = {"jsonrpc": "2.0", "id": identifier, "error": error}
    return {"status": status, "headers": {}, "json": message}
