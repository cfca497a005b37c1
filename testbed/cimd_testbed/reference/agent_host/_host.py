"""The agent host: calls tools for people, on servers that it has never met."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.core import Clock, JsonObject, split_scope
from cimd_testbed.net import Dialer, Request, Resolver, Response
from cimd_testbed.reference.agent_host._authorization import (
    Asked,
    Authorization,
    OpenBrowser,
)
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._discovery import Found, discover
from cimd_testbed.reference.agent_host._errors import Stopped, demand, stopped
from cimd_testbed.reference.agent_host._identities import Identities, Identity
from cimd_testbed.reference.agent_host._mcp import (
    McpRequest,
    McpSession,
    is_older,
    result_of,
)
from cimd_testbed.reference.agent_host._outgoing import Outgoing, outgoing
from cimd_testbed.reference.agent_host._pending import PendingRequests
from cimd_testbed.reference.agent_host._publishing import publish
from cimd_testbed.reference.agent_host._registration import register
from cimd_testbed.reference.agent_host._settings import STATEFUL, AgentHostSettings
from cimd_testbed.reference.agent_host._tokens import Grant, TokenRequests

_HOPS = 3
_NOTHING = JsonObject()


class AgentHost:
    """One MCP client with an https origin of its own.

    It opens no socket but through `dialer`, asks no name but of `resolver`, and opens
    no browser but through `open_browser`. Whoever hosts it passes requests to its
    origin to `handle`: the document, the keys, and the browser's callbacks.
    """

    def __init__(
        self,
        settings: AgentHostSettings,
        checks: AgentHostChecks = AgentHostChecks(),  # noqa: B008 - frozen
        *,
        dialer: Dialer,
        resolver: Resolver,
        trust: ssl.SSLContext,
        clock: Clock,
        open_browser: OpenBrowser,
    ) -> None:
        self.settings = settings
        self.checks = checks
        self._out = (dialer, resolver, trust)
        self._open_browser = open_browser
        self._identities = Identities(settings, checks, clock)
        self._pending = PendingRequests(checks)
        self._grants: dict[str, Grant] = {}
        self._registered: dict[str, str] = {}
        self._found: dict[str, Found] = {}

    async def handle(self, request: Request) -> Response:
        """Answer any request to the host's own origin."""
        return await publish(self._identities, self._pending, request)

    def client_id(self, server_url: str = "", purpose: str = "") -> str:
        """Return who it is at a server; its document is published from now on."""
        return self._identities.identity(server_url, purpose).client_id

    def rotate_key(self) -> None:
        """Sign with a new key; the old one stays published until withdrawn."""
        self._identities.rotate()

    def withdraw_keys(self) -> None:
        """Stop publishing the retired keys."""
        self._identities.withdraw()

    async def call_tool(
        self,
        server_url: str,
        name: str,
        arguments: dict[str, Any] | None = None,
        purpose: str = "",
    ) -> dict[str, Any]:
        """Call a tool and return its result; authorize on the way where needed.

        Raises `Stopped` when the client will not go on, whoever is to blame.
        """
        async with outgoing(self.settings, self.checks, *self._out) as out:
            conversation = _Conversation(self, out, server_url, purpose)
            return await conversation.call(name, arguments or {})

    # --- what a conversation needs of its host ---------------------------------------

    def grant(self, resource: str) -> Grant | None:
        """Return the grant to use with a resource."""
        return self._grants.get(self.checks.token_shelf(resource))

    def keep(self, grant: Grant) -> None:
        """Keep a grant for later calls."""
        self._grants[self.checks.token_shelf(grant.resource)] = grant

    def forget(self, grant: Grant) -> None:
        """Throw a grant away."""
        shelf = self.checks.token_shelf(grant.resource)
        if self._grants.get(shelf) is grant:
            del self._grants[shelf]

    async def discover(
        self, out: Outgoing, server_url: str, challenge: JsonObject
    ) -> Found:
        """Find a server's authorization server, at every challenge anew."""
        known = self._found.get(server_url)
        if known is None or self.checks.discovered_anew(True):
            known = await discover(out, self.checks, server_url, challenge)
            self._found[server_url] = known
        return known

    async def authorize(self, out: Outgoing, found: Found, asked: Asked) -> Grant:
        """Send the person to the authorization server; return what was granted."""
        authorization = Authorization(
            self.checks,
            self._pending,
            self._open_browser,
            self.settings.callback_seconds,
        )
        code = await authorization.code(found, asked)
        tokens = TokenRequests(self.checks, self._identities, out, found)
        return await tokens.redeem(asked.client_id, code, asked.resource, asked.scope)

    async def refresh(self, out: Outgoing, found: Found, grant: Grant) -> None:
        """Get a new access token for a grant."""
        tokens = TokenRequests(self.checks, self._identities, out, found)
        await tokens.refresh(grant)

    async def asked(
        self,
        out: Outgoing,
        found: Found,
        server_url: str,
        purpose: str,
        scope: tuple[str, ...],
    ) -> Asked:
        """Say who asks for what, as whoever the authorization server knows."""
        identity = self._identities.identity(server_url, purpose)
        given = self.settings.preregistered.get(found.issuer)
        source = self.checks.client_id_source(given is not None, found.metadata)
        if source is None:
            raise stopped("cimd-client-checks-flag", "There is no way to be known.")
        client_id = identity.client_id
        if source == "pre-registered" and given:
            client_id = given
        if source == "registration":
            client_id = await self._registration(out, found, identity)
        return Asked(
            client_id,
            identity.redirect_uri,
            self.checks.requested_resource(server_url),
            scope,
        )

    async def _registration(
        self, out: Outgoing, found: Found, identity: Identity
    ) -> str:
        """Return what an authorization server calls this client; register once."""
        shelf = f"{self.checks.registration_shelf(found.issuer)} {identity.client_id}"
        if shelf not in self._registered:
            members = self._identities.document(identity)
            self._registered[shelf] = await register(out, self.checks, found, members)
        return self._registered[shelf]


@dataclass(slots=True)
class _Conversation:
    """One errand at one server: requests, challenges, and what to do about them."""

    host: AgentHost
    out: Outgoing
    server_url: str
    purpose: str
    step_ups: dict[bytes, int] = field(default_factory=dict)
    renewed: bool = False

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        params = {"name": name, "arguments": arguments}
        preferred = self.host.settings.protocols[0]
        session = McpSession(preferred)
        if session.stateless:
            response = await self._send(session.request("tools/call", params))
            if not is_older(response) or STATEFUL not in self.host.settings.protocols:
                return result_of(response)
            session = McpSession(STATEFUL)
        opened = await self._send(session.initialize())
        result_of(opened)
        session.session_id = opened.header("mcp-session-id")
        await self._send(session.initialized())
        return result_of(await self._send(session.request("tools/call", params)))

    async def _send(self, message: McpRequest) -> Response:
        """Send one message until it is answered by something else than a challenge."""
        challenged = False
        while True:
            response = await self._once(message, challenged)
            challenged = response.status in (401, 403)
            fields = tuple(response.header_values("www-authenticate"))
            if response.status == 401:
                challenge = self.host.checks.challenge(fields)
                await self._authorize_again(challenge or _NOTHING)
            elif response.status == 403:
                challenge = self.host.checks.challenge(fields) or _NOTHING
                if not self.host.checks.step_up_wanted(challenge.text("error")):
                    return response
                await self._step_up(message, challenge)
            else:
                self.renewed = False
                return response

    async def _once(self, message: McpRequest, challenged: bool) -> Response:
        """Send the message, with the token that is for this server and no other."""
        checks = self.host.checks
        resource = checks.requested_resource(self.server_url)
        url, with_token = self.server_url, checks.token_unasked(challenged)
        for _ in range(_HOPS):
            headers = message.headers
            grant = self.host.grant(resource)
            if grant is not None and with_token:
                bearer = ("Authorization", f"Bearer {grant.access_token}")
                headers = (*headers, bearer)
                url = checks.call_url(url, grant.access_token)
            response = await self.out.request("POST", url, headers, message.body)
            onward = checks.resource_redirect(
                url, response.status, response.header("location")
            )
            if onward is None:
                return response
            url, with_token = onward.url, with_token and onward.with_token
        raise stopped("client-token-destination", "The server redirects in a circle.")

    async def _authorize_again(self, challenge: JsonObject) -> None:
        """Get a token after a 401: by refreshing once, else by asking the person."""
        if self.renewed:
            raise stopped("client-401-handling", "The server refuses a fresh token.")
        checks = self.host.checks
        found = await self.host.discover(self.out, self.server_url, challenge)
        grant = self.host.grant(checks.requested_resource(self.server_url))
        if grant is not None and await self._refreshed(found, grant):
            return
        self.renewed = True
        scope = checks.initial_scope(found.challenged, found.supported)
        await self._authorize(found, scope)

    async def _refreshed(self, found: Found, grant: Grant) -> bool:
        """Whether a new access token came of the refresh token."""
        checks = self.host.checks
        allowed = not checks.refresh_allowed(grant.issuer, found.issuer).refused
        stale = grant.access_token
        if allowed and grant.refresh_token:
            try:
                await self.host.refresh(self.out, found, grant)
            except Stopped:
                self.host.forget(grant)
            else:
                self.renewed = grant.access_token == stale
                return True
        self.host.forget(grant)
        return False

    async def _step_up(self, message: McpRequest, challenge: JsonObject) -> None:
        """Ask the person for more scope, a few times at the most."""
        checks = self.host.checks
        attempts = self.step_ups.get(message.body, 0)
        demand(checks.step_up_allowed(attempts))
        self.step_ups[message.body] = attempts + 1
        found = await self.host.discover(self.out, self.server_url, challenge)
        grant = self.host.grant(checks.requested_resource(self.server_url))
        before = grant.requested if grant is not None else ()
        scope = checks.step_up_scope(before, split_scope(challenge.text("scope")))
        await self._authorize(found, scope)

    async def _authorize(self, found: Found, scope: tuple[str, ...]) -> None:
        asked = await self.host.asked(
            self.out, found, self.server_url, self.purpose, scope
        )
        self.host.keep(await self.host.authorize(self.out, found, asked))
