"""Before anything else: whether whoever sends a request may do it."""

from __future__ import annotations

from dataclasses import dataclass

from cimd_testbed.core import MALFORMED, JsonObject, called_name, refuse, split_scope
from cimd_testbed.net import Request
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._refusal import TokenRefused
from cimd_testbed.reference.tool_server._settings import ToolServerSettings
from cimd_testbed.reference.tool_server._tokens import TokenVerifier
from cimd_testbed.reference.tool_server._tools import Tool

_NO_TOKEN = refuse("mcp-rs-401-without-token", "There is no token.")


@dataclass(slots=True)
class Gate:
    """Decides on each request by itself: there is no state that carries authority."""

    settings: ToolServerSettings
    checks: ToolServerChecks
    tokens: TokenVerifier
    tools: dict[str, Tool]

    async def admit(
        self, request: Request, message: JsonObject | None, session: JsonObject | None
    ) -> JsonObject:
        """Return the claims of whoever may do this; raises `TokenRefused`.

        `session` has the claims of whoever opened the session that the request names.
        """
        claims = await self._identify(request, message, session)
        required = self.required_scope(message)
        broader = self.settings.broader
        held = self.checks.implied_scope(granted_scope(claims), broader)
        scoped = JsonObject({**claims, "scope": " ".join(held)})
        decision = self.checks.token_scope(scoped, required)
        if decision.refused:
            refused = TokenRefused(decision, "insufficient_scope")
            refused.required, refused.claims = required, claims
            raise refused
        return claims

    def anybody(self) -> JsonObject:
        """Return the claims of somebody who needs no token."""
        return JsonObject({"scope": " ".join(self.settings.scopes)})

    def required_scope(self, message: JsonObject | None) -> tuple[str, ...]:
        """Return everything that an operation takes, judged by the body alone."""
        required = self.settings.required_scope
        if message is None or message.get("method") != "tools/call":
            return required
        tool = self.tools.get(called_name(message) or "")
        return tuple(dict.fromkeys((*required, *(tool.scope if tool else ()))))

    async def _identify(
        self, request: Request, message: JsonObject | None, session: JsonObject | None
    ) -> JsonObject:
        token = self._token(request)
        try:
            if token is None:
                method = message.text("method") if message else request.method
                if self.checks.open_to_all(method or ""):
                    return session or self.anybody()
                raise TokenRefused(_NO_TOKEN, "")  # noqa: TRY301 - one way to refuse
            if token == MALFORMED:
                decision = self.checks.malformed_credentials(_credentials(request))
                if decision.refused:
                    raise TokenRefused(decision, "invalid_request")  # noqa: TRY301
                return self.anybody()
            return await self.tokens.verify(token)
        except TokenRefused as refused:
            tried = token is not None
            known = self.checks.session_authenticates(session is not None, tried)
            if known and session is not None:
                return session
            refused.required = self.required_scope(message)
            raise

    def _token(self, request: Request) -> str | None:
        token = self.checks.bearer_token(_credentials(request))
        return self.checks.query_token(tuple(request.query)) if token is None else token


def _credentials(request: Request) -> tuple[str, ...]:
    return tuple(v for k, v in request.headers if k.lower() == "authorization")


def granted_scope(claims: JsonObject) -> tuple[str, ...]:
    """Return the scope of a token."""
    return split_scope(claims.text("scope"))
