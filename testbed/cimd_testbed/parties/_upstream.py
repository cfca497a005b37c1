"""An identity provider that says yes to everything, for targets that proxy to one."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cimd_testbed.net import Request, Response, json_response, redirect_response
from cimd_testbed.parties._keys import SigningKey, new_key, sign_jwt
from cimd_testbed.parties._web import Web

PREFIX = "/upstream"


@dataclass(slots=True)
class Upstream:
    """Authorization and token endpoint of a provider without a login page.

    `origin` is where its pages are reached; every code and every refresh token is good
    for an access token, a JWT signed with ES256.
    """

    origin: str
    now: Callable[[], float]
    key: SigningKey = field(default_factory=new_key)
    asked: dict[str, str] = field(default_factory=dict)
    """The parameters of the last authorization request."""
    _scopes: dict[str, str] = field(default_factory=dict)
    _serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def issuer(self) -> str:
        """The issuer of its access tokens."""
        return f"{self.origin}{PREFIX}"

    def placeholders(self) -> dict[str, str]:
        """Return what a target file may say of it."""
        return {
            "upstream.issuer": self.issuer,
            "upstream.authorize": f"{self.issuer}/authorize",
            "upstream.token": f"{self.issuer}/token",
            "upstream.jwks": f"{self.issuer}/jwks",
        }

    def publish(self, web: Web) -> None:
        """Serve the endpoints."""
        web.publish(f"{PREFIX}/authorize", self._authorize)
        web.publish(f"{PREFIX}/token", self._token)
        web.publish(f"{PREFIX}/jwks", self._jwks)

    async def _authorize(self, request: Request) -> Response:
        self.asked = asked = dict(request.query)
        code = self._name("code", asked.get("scope", ""))
        answer = {"code": code, "state": asked.get("state", "")}
        redirect_uri = asked.get("redirect_uri", "")
        mark = "&" if "?" in redirect_uri else "?"
        return redirect_response(f"{redirect_uri}{mark}{urlencode(answer)}")

    async def _token(self, request: Request) -> Response:
        asked = dict(request.form)
        grant = asked.get("code") or asked.get("refresh_token") or ""
        scope = asked.get("scope") or self._scopes.get(grant, "")
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "sub": "alice",
            "aud": self.issuer,
            "client_id": asked.get("client_id", ""),
            "scope": scope,
            "iat": now,
            "exp": now + 600,
            "jti": f"upstream-{next(self._serial)}",
        }
        header = {"alg": self.key.alg, "kid": self.key.kid, "typ": "at+jwt"}
        return json_response(
            {
                "access_token": sign_jwt(header, claims, self.key),
                "token_type": "Bearer",
                "expires_in": 600,
                "refresh_token": self._name("refresh", scope),
                "scope": scope,
            },
            headers=[("Cache-Control", "no-store")],
        )

    async def _jwks(self, request: Request) -> Response:
        del request
        return json_response({"keys": [self.key.public_jwk]})

    def _name(self, kind: str, scope: str) -> str:
        digest = hashlib.sha256(f"{kind}{next(self._serial)}".encode()).digest()
        value = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self._scopes[value] = scope
        return value
