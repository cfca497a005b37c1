"""MCP over Streamable HTTP for requests with a good bearer token."""

from __future__ import annotations

import ssl

from cimd_testbed.core import Clock, JsonObject, split_url, well_known_url
from cimd_testbed.net import (
    Dialer,
    HttpClient,
    Request,
    Resolver,
    Response,
    json_response,
)
from cimd_testbed.reference.tool_server._authorize import Gate, granted_scope
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._messages import Dispatcher, read_message
from cimd_testbed.reference.tool_server._outbox import Outbox
from cimd_testbed.reference.tool_server._refusal import MessageRefused, TokenRefused
from cimd_testbed.reference.tool_server._sessions import Sessions
from cimd_testbed.reference.tool_server._settings import ToolServerSettings
from cimd_testbed.reference.tool_server._tokens import TokenVerifier
from cimd_testbed.reference.tool_server._tools import UpstreamClient, make_tools

_WELL_KNOWN = "oauth-protected-resource"


class ToolServer:
    """One protected resource, as a function of requests.

    It opens no socket but through `dialer`, asks no name but of `resolver`, and starts
    no task but one for each answer. Whoever hosts it calls `handle`.
    """

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
        tools = make_tools(
            UpstreamClient(settings, checks, self._http) if settings.upstream else None
        )
        tokens = TokenVerifier(settings, checks, clock, self._http)
        self._gate = Gate(settings, checks, tokens, tools)
        self._sessions = Sessions(checks)
        self._dispatcher = Dispatcher(checks, tools, self._sessions)
        self._outbox = Outbox(checks)
        self._origin = split_url(settings.resource).origin
        self._path = split_url(settings.resource).path or "/"
        self._metadata_url = well_known_url(settings.resource, _WELL_KNOWN)
        root = well_known_url(self._origin, _WELL_KNOWN)
        self._places = {
            split_url(root).path: "root",
            split_url(self._metadata_url).path: "path",
        }

    async def close(self) -> None:
        """End what is being answered, and close what is open towards others."""
        await self._outbox.close()
        await self._http.close()

    async def handle(self, request: Request) -> Response:
        """Answer any request to the resource's origin."""
        if request.path in self._places:
            return self._metadata(request)
        if request.path != self._path:
            return Response(404)
        origin = self.checks.request_origin(request.header("origin"), self._origin)
        if origin.refused:
            return Response(403)
        message = read_message(request.body) if request.method == "POST" else None
        session = self._sessions.named(request)
        try:
            claims = await self._gate.admit(request, message, session)
        except TokenRefused as refused:
            return await self._refuse(request, message, refused)
        return await self._answer(request, message, claims)

    async def _answer(
        self, request: Request, message: JsonObject | None, claims: JsonObject
    ) -> Response:
        match request.method:
            case "POST":
                answer = self._dispatcher.post(request, message, claims)
                return await self._outbox.through(message, answer)
            case "GET" | "DELETE" if request.header("mcp-session-id"):
                return self._session(request, claims)
            case _:
                return Response(405, (("Allow", "POST"),))

    def _session(self, request: Request, claims: JsonObject) -> Response:
        """Open the stream of a session, or end the session (2025-11-25).

        The server never has anything to say unasked, so that the stream ends at once.
        """
        try:
            self._sessions.demand(request, claims)
        except MessageRefused as refused:
            return Response(refused.status)
        if request.method == "DELETE":
            self._sessions.close(request)
            return Response(204)
        return Response(200, (("Content-Type", "text/event-stream"),), b": end\n\n")

    async def _refuse(
        self, request: Request, message: JsonObject | None, refused: TokenRefused
    ) -> Response:
        """Say no, and what it takes (RFC 6750 section 3, RFC 9728 section 5.1)."""
        checks = self.checks
        status = checks.error_status(refused.error)
        if checks.processed_when_refused(status):
            await self._answer(request, message, refused.claims or self._gate.anybody())
        host, forwarded = request.host, request.header("x-forwarded-host") or ""
        granted = granted_scope(refused.claims)
        parts = {
            "resource_metadata": checks.challenge_metadata(
                self._metadata_url, host, forwarded
            ),
            "scope": " ".join(checks.challenge_scope(refused.required, granted)),
            "error": checks.challenge_error(refused.error),
        }
        shown = tuple((name, value) for name, value in parts.items() if value)
        challenge = checks.challenge_text(shown)
        return Response(status, (("WWW-Authenticate", challenge),))

    def _metadata(self, request: Request) -> Response:
        """Describe the protected resource (RFC 9728 section 2), at either place."""
        if not self.checks.metadata_published(self._places[request.path]):
            return Response(404)
        if request.method not in ("GET", "HEAD"):
            return Response(405, (("Allow", "GET, HEAD"),))
        metadata = JsonObject(
            {
                "resource": self.settings.resource,
                "authorization_servers": [self.settings.issuer],
                "scopes_supported": self.settings.scopes,
                "bearer_methods_supported": ["header"],
            }
        )
        forwarded = request.header("x-forwarded-host") or ""
        shown = self.checks.resource_metadata(metadata, request.host, forwarded)
        return json_response(shown.plain())
