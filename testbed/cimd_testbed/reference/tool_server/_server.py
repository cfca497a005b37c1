"""MCP over Streamable HTTP for requests with a good bearer token."""

from __future__ import annotations

import json
import ssl
from typing import Any

from cimd_testbed.core import Clock, JsonObject, split_url, well_known_url
from cimd_testbed.net import (
    Dialer,
    HttpClient,
    Request,
    Resolver,
    Response,
    json_response,
)
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._settings import ToolServerSettings
from cimd_testbed.reference.tool_server._tokens import (
    TokenRefused,
    TokenVerifier,
    demand,
)

PROTOCOL_VERSION = "2025-11-25"
WHOAMI = {
    "name": "whoami",
    "description": "Tell whose access token this is.",
    "inputSchema": {"type": "object", "properties": {}},
}


class ToolServer:
    """One protected resource, as a function of requests."""

    def __init__(
        self,
        settings: ToolServerSettings,
        checks: ToolServerChecks = ToolServerChecks(),  # noqa: B008 - frozen
        *,
        dialer: Dialer,
        resolver: Resolver,
        trust: ssl.SSLContext,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.checks = checks
        self._http = HttpClient(dialer, resolver, trust)
        self._tokens = TokenVerifier(settings, checks, clock, self._http)
        self._metadata_url = well_known_url(
            settings.resource, "oauth-protected-resource"
        )

    async def close(self) -> None:
        """Close the connections to the authorization server."""
        await self._http.close()

    async def handle(self, request: Request) -> Response:
        """Answer any request to the resource's origin."""
        if request.path == split_url(self._metadata_url).path:
            return self._metadata()
        if request.path != split_url(self.settings.resource).path:
            return Response(404)
        token = self.checks.bearer_token(request.header("authorization"))
        if token is None:
            return self._challenge()
        try:
            claims = await self._tokens.verify(token)
        except TokenRefused:
            return self._challenge("invalid_token")
        try:
            demand(self.checks.token_scope(claims, self.settings.required_scope))
        except TokenRefused:
            return self._challenge("insufficient_scope", 403)
        if request.method != "POST":
            return Response(405, (("Allow", "POST"),))
        return _answer(request.body, claims)

    def _challenge(self, error: str | None = None, status: int = 401) -> Response:
        """Say where to get a token (RFC 9728 section 5.1, RFC 6750 section 3)."""
        parts = [f'resource_metadata="{self._metadata_url}"']
        if self.settings.required_scope:
            parts.append(f'scope="{" ".join(self.settings.required_scope)}"')
        if error is not None:
            parts.append(f'error="{error}"')
        return Response(status, (("WWW-Authenticate", f"Bearer {', '.join(parts)}"),))

    def _metadata(self) -> Response:
        """Describe the protected resource (RFC 9728 section 2)."""
        return json_response(
            {
                "resource": self.settings.resource,
                "authorization_servers": [self.settings.issuer],
                "scopes_supported": self.settings.scopes,
                "bearer_methods_supported": ["header"],
            }
        )


def _answer(body: bytes, claims: JsonObject) -> Response:
    """Answer one JSON-RPC message (MCP 2025-11-25, Streamable HTTP)."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return _error(None, -32700, "Parse error", 400)
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return _error(None, -32600, "Invalid Request", 400)
    if "id" not in message:
        return Response(202)
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return _call(message["id"], message["method"], name, claims)


def _call(identifier: Any, method: str, name: Any, claims: JsonObject) -> Response:
    match method:
        case "initialize":
            return _result(identifier, _initialized())
        case "ping":
            return _result(identifier, {})
        case "tools/list":
            return _result(identifier, {"tools": [WHOAMI]})
        case "tools/call" if name == "whoami":
            return _result(identifier, _whoami(claims))
        case "tools/call":
            return _error(identifier, -32602, "Unknown tool")
        case _:
            return _error(identifier, -32601, "Method not found")


def _initialized() -> dict[str, Any]:
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "Reference tool server", "version": "1"},
    }


def _whoami(claims: JsonObject) -> dict[str, Any]:
    about = {name: claims.plain().get(name) for name in ("sub", "client_id", "scope")}
    return {
        "content": [{"type": "text", "text": json.dumps(about)}],
        "structuredContent": about,
        "isError": False,
    }


def _result(identifier: Any, result: dict[str, Any]) -> Response:
    return json_response({"jsonrpc": "2.0", "id": identifier, "result": result})


def _error(identifier: Any, code: int, text: str, status: int = 200) -> Response:
    error = {"code": code, "message": text}
    return json_response({"jsonrpc": "2.0", "id": identifier, "error": error}, status)
