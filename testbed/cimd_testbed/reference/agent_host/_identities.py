"""Who the host is to others: documents, redirect URIs and keys that it publishes."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field

from joserfc.jwk import ECKey

from cimd_testbed.core import Clock, JsonObject
from cimd_testbed.reference._jose import sign_jwt
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._settings import AgentHostSettings

ASSERTION_SECONDS = 60
ALGORITHM = "ES256"


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256", auto_kid=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """One client: its `client_id` is where its document lies."""

    client_id: str
    redirect_uri: str
    jwks_uri: str


@dataclass(slots=True)
class Identities:
    """The identities in use, and the keys that they share."""

    settings: AgentHostSettings
    checks: AgentHostChecks
    clock: Clock
    known: dict[str, Identity] = field(default_factory=dict)
    """By the path below which each lies."""
    _current: ECKey = field(default_factory=_new_key)
    _retired: list[ECKey] = field(default_factory=list)

    def identity(self, server_url: str, purpose: str) -> Identity:
        """Return the identity to use with a server, made when it is first needed."""
        name = ""
        if self.settings.per_server:
            digest = hashlib.sha256(f"{purpose} {server_url}".encode()).hexdigest()
            name = digest[:16]
        path = self.checks.identity_path(name, secrets.token_hex(8))
        if path not in self.known:
            base = self.settings.origin + path
            self.known[path] = Identity(
                f"{base}/client.json", f"{base}/callback", f"{base}/jwks.json"
            )
        return self.known[path]

    def document(self, identity: Identity) -> JsonObject:
        """Return the client metadata document as it is published."""
        members = {
            "client_id": identity.client_id,
            "client_name": self.settings.client_name,
            "client_uri": f"{self.settings.origin}/",
            "redirect_uris": [identity.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": self.settings.auth_method,
        }
        if self.settings.auth_method == "private_key_jwt":
            members["token_endpoint_auth_signing_alg"] = ALGORITHM
            members["jwks_uri"] = identity.jwks_uri
        return self.checks.document(JsonObject(members))

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one stays published."""
        self._retired.insert(0, self._current)
        self._current = _new_key()

    def withdraw(self) -> None:
        """Stop publishing retired keys: nothing signed with them is on its way."""
        self._retired.clear()

    def public_keys(self) -> tuple[JsonObject, ...]:
        """Return the key set's keys, the current one first."""
        kept = self.checks.keys_published(1, len(self._retired))
        owned = [self._current, *self._retired[:kept]]
        extra = {"use": "sig", "alg": ALGORITHM}
        full = (
            JsonObject({**key.as_dict(private=True), "kid": key.kid, **extra})
            for key in owned
        )
        return self.checks.keys(tuple(full))

    def assertion(self, client_id: str, issuer: str, token_endpoint: str) -> str:
        """Sign a client assertion for one token request (RFC 7523, rfc7523bis)."""
        checks, now = self.checks, int(self.clock.now())
        header = {"alg": ALGORITHM, "kid": self._current.kid}
        typ = checks.assertion_type()
        if typ is not None:
            header["typ"] = typ
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": checks.assertion_audience(issuer, token_endpoint),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": checks.assertion_id(secrets.token_urlsafe(16)),
        }
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return sign_jwt(JsonObject(header), payload, self._current)
