"""The authorization server that a tool server under test trusts.

It signs whatever it is told, publishes its keys, and answers about every token what
whoever registered the token wants it to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.net import Request, Response, json_response
from cimd_testbed.parties._keys import SigningKey, new_key
from cimd_testbed.parties._web import Web

PREFIX = "/issuer"
_WELL_KNOWN = ("oauth-authorization-server", "openid-configuration")

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class TokenIssuer:
    """Issuer metadata, key set and introspection endpoint below one origin."""

    origin: str
    alg: str = "ES256"
    prefix: str = PREFIX
    credentials: tuple[str, str] = ("tool-server", "tool-server-introspection-secret")
    """What the tool server sends to ask about tokens; not looked at."""
    keys: list[SigningKey] = field(default_factory=list)
    """The published keys, newest last."""
    retired: list[SigningKey] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    """Who answers about a token."""
    keys_read: int = 0
    """How often the key set was fetched."""

    def __post_init__(self) -> None:
        """Make the first key, unless there is one."""
        self.keys = self.keys or [new_key(self.alg)]

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return f"{self.origin}{self.prefix}"

    def placeholders(self) -> dict[str, str]:
        """Return what a target file may say of it."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "introspection_endpoint": f"{self.issuer}/introspect",
            "introspection_client": self.credentials[0],
            "introspection_secret": self.credentials[1],
        }

    def metadata(self) -> dict[str, Any]:
        """Return the authorization server metadata (RFC 8414)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "introspection_endpoint": f"{self.issuer}/introspect",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.alg],
            "client_id_metadata_document_supported": True,
        }

    def publish(self, web: Web) -> None:
        """Serve metadata, keys and introspection."""
        for name in _WELL_KNOWN:
            web.publish(f"/.well-known/{name}{self.prefix}", self._metadata)
            web.publish(f"{self.prefix}/.well-known/{name}", self._metadata)
        web.publish(f"{self.prefix}/jwks", self._jwks)
        web.publish(f"{self.prefix}/introspect", self._introspect)

    def rotate(self, *, keep: bool) -> None:
        """Sign with a new key; the old one stays published only when told to."""
        self.retired.append(self.keys[-1])
        fresh = new_key(self.alg, [*self.keys, *self.retired])
        self.keys = [*self.keys, fresh] if keep else [fresh]

    async def _metadata(self, request: Request) -> Response:
        del request
        return json_response(self.metadata())

    async def _jwks(self, request: Request) -> Response:
        del request
        self.keys_read += 1
        return json_response({"keys": [key.public_jwk for key in self.keys]})

    async def _introspect(self, request: Request) -> Response:
        token = dict(request.form).get("token", "")
        answer = self.answers.get(token)
        if answer is None:
            return json_response({"active": False})
        return await answer(request)
