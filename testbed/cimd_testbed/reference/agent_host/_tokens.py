"""Token requests: a code or a refresh token becomes an access token."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from cimd_testbed.core import (
    ASSERTION_TYPE,
    JsonObject,
    parse_json_object,
    split_scope,
)
from cimd_testbed.net import Params
from cimd_testbed.reference.agent_host._authorization import Code
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._discovery import Found
from cimd_testbed.reference.agent_host._errors import stopped
from cimd_testbed.reference.agent_host._identities import Identities
from cimd_testbed.reference.agent_host._outgoing import Outgoing

_FORM = (
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Accept", "application/json"),
)


@dataclass(slots=True)
class Grant:
    """What a person granted for one resource at one authorization server."""

    issuer: str
    client_id: str
    resource: str
    requested: tuple[str, ...]
    access_token: str
    refresh_token: str | None
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenRequests:
    """Talks to the token endpoint of the server that the code came from."""

    checks: AgentHostChecks
    identities: Identities
    out: Outgoing
    found: Found

    async def redeem(
        self, client_id: str, code: Code, resource: str, requested: tuple[str, ...]
    ) -> Grant:
        """Exchange a code (OAuth 2.1 section 4.1.3)."""
        params = [
            ("grant_type", "authorization_code"),
            ("code", code.value),
            ("redirect_uri", code.redirect_uri),
            ("code_verifier", code.verifier),
        ]
        answer = await self._request(client_id, resource, params)
        token = _access_token(answer)
        scope = split_scope(answer.text("scope")) or requested
        refresh = answer.text("refresh_token")
        issuer = self.found.issuer
        return Grant(issuer, client_id, resource, requested, token, refresh, scope)

    async def refresh(self, grant: Grant) -> None:
        """Exchange the refresh token; the grant keeps the newest one."""
        params = [
            ("grant_type", "refresh_token"),
            ("refresh_token", grant.refresh_token or ""),
        ]
        answer = await self._request(grant.client_id, grant.resource, params)
        grant.access_token = _access_token(answer)
        grant.refresh_token = self.checks.newest_refresh_token(
            grant.refresh_token, answer.text("refresh_token")
        )

    async def _request(
        self, client_id: str, resource: str, params: Params
    ) -> JsonObject:
        url = self.found.endpoint("token_endpoint")
        params = [*params, *self._authentication(client_id, url)]
        stated = self.checks.token_resource(resource)
        if stated is not None:
            params.append(("resource", stated))
        body = urlencode(params).encode()
        response = await self.out.request("POST", url, _FORM, body)
        if response.status != 200:
            raise stopped("client-pkce", "The token endpoint refused.")
        try:
            return parse_json_object(response.body)
        except ValueError:
            raise stopped("client-pkce", "The token response is no JSON.") from None

    def _authentication(self, client_id: str, token_endpoint: str) -> Params:
        named = [("client_id", client_id)]
        if self.identities.settings.auth_method != "private_key_jwt":
            return named
        assertion = self.identities.assertion(
            client_id, self.found.issuer, token_endpoint
        )
        return [
            *named,
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ]


def _access_token(answer: JsonObject) -> str:
    token = answer.text("access_token")
    bearer = (answer.text("token_type") or "").lower() == "bearer"
    if not token or not bearer:
        raise stopped("client-bearer-header", "No bearer token was issued.")
    return token
