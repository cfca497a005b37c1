"""The server's signing keys; RSA keys are made once per process, for they are slow."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from cimd_testbed.core import JsonObject
from cimd_testbed.reference._jose import sign_jwt


@functools.cache
def _rsa_key(generation: int) -> RSAKey:
    """Return one of the process's RSA keys, which all servers in it share."""
    return RSAKey.generate_key(2048, {"kid": f"rsa-{generation}"}, auto_kid=False)


def _new_key(algorithm: str, generation: int) -> Key:
    if algorithm in ("RS256", "PS256"):
        return _rsa_key(generation)
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", auto_kid=True)
    if algorithm in ("EdDSA", "Ed25519"):
        return OKPKey.generate_key("Ed25519", auto_kid=True)
    raise ValueError(f"There is no signing key for {algorithm}.")


@dataclass(slots=True)
class SigningKeys:
    """One current key per algorithm, and the retired ones, still published."""

    algorithms: tuple[str, ...]
    _current: dict[str, Key] = field(default_factory=dict)
    _retired: list[tuple[str, Key]] = field(default_factory=list)
    _generation: int = 0

    def _key(self, algorithm: str) -> Key:
        if algorithm not in self._current:
            self._current[algorithm] = _new_key(algorithm, self._generation)
        return self._current[algorithm]

    def rotate(self) -> None:
        """Sign with new keys from now on; tokens already out stay verifiable."""
        self._retired = [*self._current.items(), *self._retired][:8]
        self._current = {}
        self._generation += 1

    def sign(self, claims: JsonObject, typ: str) -> str:
        """Sign a JWT with the current key of the first algorithm."""
        algorithm = self.algorithms[0]
        key = self._key(algorithm)
        header = JsonObject({"typ": typ, "alg": algorithm, "kid": key.kid})
        payload = json.dumps(claims.plain(), separators=(",", ":")).encode()
        return sign_jwt(header, payload, key)

    def public_keys(self) -> list[dict[str, Any]]:
        """Return the JWK Set's keys, current ones first (RFC 7517 section 5)."""
        current = [(name, self._key(name)) for name in self.algorithms]
        return [
            {**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": name}
            for name, key in [*current, *self._retired]
        ]
