"""Signed JWTs as pure functions over joserfc: cut, verify, sign."""

from __future__ import annotations

import base64
import binascii
import functools
import warnings
from dataclasses import dataclass

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from cimd_testbed.core._json import JsonObject, parse_json_object

_KEY_CLASSES: dict[str, type[ECKey | OKPKey | RSAKey]] = {
    "EC": ECKey,
    "OKP": OKPKey,
    "RSA": RSAKey,
}


@dataclass(frozen=True, slots=True)
class UnverifiedJwt:
    """The header and claims of a JWT whose signature nobody has looked at yet."""

    header: JsonObject
    claims: JsonObject


def read_unverified_jwt(token: str) -> UnverifiedJwt | None:
    """Cut a compact JWS apart; None when it is no JWT (RFC 7519 section 7.2)."""
    pieces = token.split(".")
    if len(pieces) != 3 or len(token) > 16384:
        return None
    try:
        header, claims = (parse_json_object(_decode(piece)) for piece in pieces[:2])
    except (ValueError, binascii.Error):
        return None
    return UnverifiedJwt(header, claims)


def _decode(piece: str) -> bytes:
    padded = piece.encode("ascii") + b"=" * (-len(piece) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)


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
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
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
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jws.serialize_compact(header.plain(), payload, key, registry=registry)
