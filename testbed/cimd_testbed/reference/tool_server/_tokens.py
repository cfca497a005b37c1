"""Is this bearer token good here? By its signature, or by asking its issuer."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from cimd_testbed.core import (
    Clock,
    Decision,
    JsonObject,
    key_set,
    parse_json_object,
    read_unverified_jwt,
    refuse,
    well_known_url,
)
from cimd_testbed.net import HttpClient, HttpError, Response
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._settings import ToolServerSettings

_INVALID = refuse("mcp-rs-invalid-token-401", "The token is not valid.")


class TokenRefused(Exception):  # noqa: N818 - a decision, not a malfunction
    """The token is not good here."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


def demand(decision: Decision) -> None:
    """Raise `TokenRefused` when the decision is to refuse."""
    if decision.refused:
        raise TokenRefused(decision)


@dataclass(slots=True)
class TokenVerifier:
    """Verifies access tokens of the one issuer that is trusted."""

    settings: ToolServerSettings
    checks: ToolServerChecks
    clock: Clock
    http: HttpClient
    _metadata: JsonObject | None = None
    _keys: tuple[JsonObject, ...] = field(default=())
    _fetched_at: float = 0.0

    async def verify(self, token: str) -> JsonObject:
        """Return the claims of a good token; raises `TokenRefused`."""
        try:
            if self.settings.credentials is not None:
                claims = await self._introspect(token)
            else:
                claims = await self._verify_signature(token)
        except (OSError, TimeoutError, HttpError, ValueError) as error:
            raise TokenRefused(_INVALID) from error
        now = self.clock.now()
        demand(self.checks.token_issuer(claims, self.settings.issuer))
        demand(self.checks.token_audience(claims, self.settings.resource))
        demand(self.checks.token_time(claims, now))
        return claims

    async def _verify_signature(self, token: str) -> JsonObject:
        cut = read_unverified_jwt(token)
        if cut is None:
            raise TokenRefused(_INVALID)
        demand(self.checks.token_typ(cut.header))
        decision = _INVALID
        for key in await self._candidates(cut.header):
            allowed = self.settings.algorithms
            decision = self.checks.token_signature(token, key, allowed)
            if not decision.refused:
                return cut.claims
        raise TokenRefused(decision)

    async def _candidates(self, header: JsonObject) -> tuple[JsonObject, ...]:
        checks, settings, now = self.checks, self.settings, self.clock.now()
        lifetime = settings.keys_lifetime
        if not checks.keys_still_fresh(self._fetched_at, lifetime, now):
            await self._fetch_keys()
            return checks.token_key(header, self._keys)
        found = checks.token_key(header, self._keys)
        brake = settings.unknown_kid_brake
        if not found and checks.unknown_kid_refetch(self._fetched_at, now, brake):
            await self._fetch_keys()
            found = checks.token_key(header, self._keys)
        return found

    async def _fetch_keys(self) -> None:
        metadata = await self._issuer_metadata()
        response = await self.http.request("GET", metadata.text("jwks_uri") or "")
        self._keys = key_set(_json(response))
        self._fetched_at = self.clock.now()

    async def _issuer_metadata(self) -> JsonObject:
        if self._metadata is None:
            issuer = self.settings.issuer
            url = well_known_url(issuer, "oauth-authorization-server")
            metadata = _json(await self.http.request("GET", url))
            demand(self.checks.metadata_issuer(metadata, issuer))
            self._metadata = metadata
        return self._metadata

    async def _introspect(self, token: str) -> JsonObject:
        """Ask the issuer (RFC 7662 section 2.1)."""
        assert self.settings.credentials is not None
        metadata = await self._issuer_metadata()
        pair = ":".join(map(quote_plus, self.settings.credentials))
        headers = (
            ("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        )
        url = metadata.text("introspection_endpoint") or ""
        body = urlencode({"token": token}).encode()
        answer = _json(await self.http.request("POST", url, headers, body))
        if answer.get("active") is not True:
            raise TokenRefused(_INVALID)
        return answer


def _json(response: Response) -> JsonObject:
    """Return the JSON object of a 200 response; raises `ValueError`."""
    if response.status != 200 or response.truncated:
        raise ValueError("The authorization server did not answer.")
    return parse_json_object(response.body)
