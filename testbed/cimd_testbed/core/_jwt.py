"""Cut a JWT apart without believing it (RFC 7515 section 7.1, RFC 7519)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from cimd_testbed.core._json import JsonObject, parse_json_object


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
    if "=" in piece:
        raise ValueError("base64url has no padding (RFC 7515 section 2).")
    padded = piece.encode("ascii") + b"=" * (-len(piece) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
