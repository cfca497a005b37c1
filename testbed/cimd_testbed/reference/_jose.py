"""Signatures, over joserfc: one key, one algorithm, yes or no."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from cimd_testbed.core import (
    Decision,
    JsonObject,
    accept,
    assertion_algorithm,
    read_unverified_jwt,
    refuse,
    token_algorithm,
)

_KEY_CLASSES: dict[str, type[ECKey | OKPKey | RSAKey]] = {
    "EC": ECKey,
    "OKP": OKPKey,
    "RSA": RSAKey,
}


class _Registry(jws.JWSRegistry):
    """Judges no header: whoever asks about a signature has judged it before."""

    def check_header(self, header: dict[str, Any]) -> None:
        """Leave the header to the checks."""


@functools.lru_cache(maxsize=4096)
def _public_key(key: JsonObject) -> Key | None:
    kind = _KEY_CLASSES.get(key.text("kty") or "")
    if kind is None:
        return None
    try:
        # The members that say what a key is for were judged before this.
        wanted = {"kty", "crv", "x", "y", "n", "e"}
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)
            members = {k: v for k, v in key.items() if k in wanted}
            return kind.import_key(JsonObject(members).plain())
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
        return None


def signature_matches(token: str, key: JsonObject, alg: str) -> bool:
    """Whether `key`, used with `alg` and nothing else, verifies the token."""
    public = _public_key(key)
    if public is None:
        return False
    registry = _Registry(algorithms=[alg])
    try:
        with warnings.catch_warnings():
            # RFC 9864 renames EdDSA to Ed25519; clients still use the old name.
            warnings.simplefilter("ignore", SecurityWarning)
            jws.deserialize_compact(token, public, registry=registry)
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


def sign_jwt(header: JsonObject, payload: bytes, key: Key) -> str:
    """Sign a payload; the algorithm is the header's."""
    alg = header.text("alg") or ""
    registry = _Registry(algorithms=[alg])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jws.serialize_compact(header.plain(), payload, key, registry=registry)


def assertion_signature(
    assertion: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    """Verify with an allowed algorithm and a registered key (RFC 7523 section 3)."""
    token = read_unverified_jwt(assertion)
    if token is None:
        return refuse("pkjwt-bad-signature", "The assertion is no JWT.")
    algorithm = assertion_algorithm(token.header, key, allowed)
    if algorithm.refused:
        return algorithm
    if not signature_matches(assertion, key, token.header.text("alg") or ""):
        return refuse("pkjwt-bad-signature", "The signature does not match.")
    return accept("pkjwt-bad-signature")


def token_signature(token: str, key: JsonObject, allowed: tuple[str, ...]) -> Decision:
    """Verify with an allowed algorithm and the issuer's key (RFC 9068 section 4)."""
    clause = "mcp-rs-signature-alg"
    cut = read_unverified_jwt(token)
    if cut is None:
        return refuse(clause, "The token is no JWT.")
    algorithm = token_algorithm(cut.header, key, allowed)
    if algorithm.refused:
        return algorithm
    if not signature_matches(token, key, cut.header.text("alg") or ""):
        return refuse(clause, "The signature does not match.")
    return accept(clause)
