"""Is this bearer token good here? By its signature, or by asking its issuer."""

from __future__ import annotations

import base64
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from cimd_testbed.core import Clock, JsonObject, read_unverified_jwt
from cimd_testbed.net import HttpClient, HttpError
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._keys import Answers, Issuer, json_of
from cimd_testbed.reference.tool_server._refusal import INVALID, TokenRefused, demand
from cimd_testbed.reference.tool_server._settings import ToolServerSettings

_FAILURES = (OSError, TimeoutError, HttpError, ValueError)


@dataclass(slots=True)
class TokenVerifier:
    """Verifies access tokens of the one issuer that is trusted."""

    settings: ToolServerSettings
    checks: ToolServerChecks
    clock: Clock
    http: HttpClient
    issuer: Issuer = field(init=False)
    _answers: Answers = field(default_factory=Answers)
    _verified: deque[str] = field(default_factory=lambda: deque(maxlen=64))
    """The tokens whose signature matched last."""

    def __post_init__(self) -> None:
        """Prepare to ask the issuer."""
        self.issuer = Issuer(self.settings, self.checks, self.clock, self.http)

    async def verify(self, token: str) -> JsonObject:
        """Return the claims of a good token; raises `TokenRefused`."""
        checks, now = self.checks, self.clock.now()
        introspects = self.settings.credentials is not None
        if not introspects and read_unverified_jwt(token) is None:
            return self._unreadable(token)
        remembered = self._remembered(token, now) if introspects else None
        if remembered is not None:
            return remembered
        try:
            ask = self._introspected if introspects else self._signed
            claims = await ask(token)
        except _FAILURES as error:
            raise TokenRefused(INVALID) from error
        demand(checks.token_issuer(claims, self.settings.issuer))
        demand(checks.token_audience(claims, self.settings.resource))
        demand(checks.token_expiry(claims, now))
        demand(checks.token_not_before(claims, now))
        demand(checks.token_claims(claims))
        if introspects:
            self._answers.put(token, now, claims)
        return claims

    def _remembered(self, token: str, now: float) -> JsonObject | None:
        """Return what was found good a while ago, and still counts."""
        earlier = self._answers.get(token)
        if earlier is None:
            return None
        stored_at, claims = earlier
        lifetime, expires = self.settings.introspection_lifetime, claims.number("exp")
        fresh = self.checks.introspection_still_fresh(stored_at, lifetime, expires, now)
        return claims if fresh else None

    def _unreadable(self, token: str) -> JsonObject:
        """Take nothing that is no JWT."""
        claims = self.checks.unreadable_token(token)
        if claims is None:
            raise TokenRefused(INVALID)
        return claims

    async def _signed(self, token: str) -> JsonObject:
        """Verify the signature (RFC 9068 section 4)."""
        cut = read_unverified_jwt(token)
        if cut is None:
            raise TokenRefused(INVALID)
        demand(self.checks.token_critical(cut.header))
        demand(self.checks.token_typ(cut.header))
        if self.checks.verified_before(token, tuple(self._verified)):
            return cut.claims
        decision = INVALID
        for key in await self.issuer.candidates(cut.header, cut.claims):
            allowed = self.settings.algorithms
            decision = self.checks.token_signature(token, key, allowed)
            if not decision.refused:
                self._verified.append(token)
                return cut.claims
        raise TokenRefused(decision)

    async def _introspected(self, token: str) -> JsonObject:
        """Take what the issuer says; no answer is a refusal (RFC 7662 section 2.2)."""
        earlier = self._answers.get(token)
        try:
            answer = await self._ask(token)
        except _FAILURES:
            age = self.clock.now() - earlier[0] if earlier else 0.0
            if earlier and self.checks.introspection_after_failure(INVALID.clause, age):
                return earlier[1]
            raise
        demand(self.checks.introspection_active(answer))
        return answer

    async def _ask(self, token: str) -> JsonObject:
        """Ask the issuer (RFC 7662 section 2.1)."""
        assert self.settings.credentials is not None
        url = await self.issuer.endpoint("introspection_endpoint")
        pair = ":".join(map(quote_plus, self.settings.credentials))
        headers = (
            ("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        )
        body = urlencode({"token": token}).encode()
        return json_of(await self.http.request("POST", url, headers, body))
