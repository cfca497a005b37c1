"""The authorization request and its response (OAuth 2.1 section 4.1, RFC 9207)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from cimd_testbed.net import Params
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._discovery import Found
from cimd_testbed.reference.agent_host._errors import Stopped, demand, stopped
from cimd_testbed.reference.agent_host._pending import Pending, PendingRequests

OpenBrowser = Callable[[tuple[str, ...]], Awaitable[None]]
"""Runs the command that opens a URL, which is its last word."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one authorization request asks for."""

    client_id: str
    redirect_uri: str
    resource: str
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A code, and the verifier that goes with it."""

    value: str
    verifier: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """Sends the person to the authorization server and waits for the answer."""

    checks: AgentHostChecks
    pending: PendingRequests
    open_browser: OpenBrowser
    seconds: float

    async def code(self, found: Found, asked: Asked) -> Code:
        """Return a code; raises `Stopped` when the answer is not to be believed."""
        checks = self.checks
        endpoint = found.endpoint("authorization_endpoint")
        demand(checks.authorization_url(endpoint))
        request = Pending(
            asked.redirect_uri,
            checks.state(secrets.token_urlsafe(32)),
            checks.code_verifier(secrets.token_urlsafe(32)),
            found.issuer,
            found.announces_iss,
        )
        mark = "&" if "?" in endpoint else "?"
        url = f"{endpoint}{mark}{urlencode(self._parameters(request, asked))}"
        self.pending.add(request)
        try:
            return await self._answer(request, url)
        finally:
            self.pending.remove(request)

    def _parameters(self, request: Pending, asked: Asked) -> Params:
        challenge, method = self.checks.code_challenge(request.verifier)
        params = [
            ("response_type", "code"),
            ("client_id", asked.client_id),
            ("redirect_uri", asked.redirect_uri),
            ("code_challenge", challenge),
            ("code_challenge_method", method),
        ]
        if request.state:
            params.append(("state", request.state))
        resource = self.checks.authorization_resource(asked.resource)
        if resource is not None:
            params.append(("resource", resource))
        if asked.scope:
            params.append(("scope", " ".join(asked.scope)))
        return params

    async def _answer(self, request: Pending, url: str) -> Code:
        try:
            async with asyncio.timeout(self.seconds):
                await self.open_browser(self.checks.opener(url))
                params = await request.response
        except TimeoutError:
            reason = "No authorization response came."
            raise stopped("client-callback-csrf", reason) from None
        try:
            code = self._judge(request, params)
        except Stopped as error:
            request.page.set_result(str(error))
            raise
        request.page.set_result("You can close this window.")
        return code

    def _judge(self, request: Pending, params: Params) -> Code:
        """Judge `state` and `iss` before anything else of the response is read."""
        values = dict(params)
        state = self.checks.callback_state(request.state, values.get("state"))
        issuer = self.checks.callback_issuer(
            request.issuer, request.announces_iss, values.get("iss")
        )
        trusted = not (state.refused or issuer.refused)
        if "error" in values:
            words = values.get("error_description") or values["error"]
            shown = self.checks.shown_error(words, trusted)
            raise stopped(
                "iss-client-error-response",
                f"The authorization was not given. {shown}".strip(),
            )
        demand(state)
        demand(issuer)
        if not values.get("code"):
            raise stopped("client-callback-csrf", "The response has no code.")
        return Code(values["code"], request.verifier, request.redirect_uri)
