"""Keys of the parties, and JSON Web Signatures of any shape, honest or not.

A party has no defences: it signs what it is told, with `alg: none`, with a public key
used as an HMAC secret, or with a key that nobody published.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import itertools
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_serial = itertools.count(1)
_run = secrets.token_hex(3)
"""In every key id: a target that outlives a run may remember the keys of an earlier
one."""


def b64url(data: bytes) -> str:
    """Encode without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """Decode, with or without padding; raises `ValueError`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _integer(value: int, length: int | None = None) -> str:
    size = length or (value.bit_length() + 7) // 8
    return b64url(value.to_bytes(size, "big"))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its key id and the algorithm it signs with."""

    kid: str
    alg: str
    private: PrivateKey

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public key as a JWK (RFC 7517)."""
        public = self.private.public_key()
        common = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if isinstance(public, ec.EllipticCurvePublicKey):
            numbers = public.public_numbers()
            x, y = _integer(numbers.x, 32), _integer(numbers.y, 32)
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y, **common}
        rsa_numbers = public.public_numbers()
        n, e = _integer(rsa_numbers.n), _integer(rsa_numbers.e)
        return {"kty": "RSA", "n": n, "e": e, **common}

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The private key as a JWK, for documents that must be refused."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            secret = self.private.private_numbers().private_value
            return {**self.public_jwk, "d": _integer(secret, 32)}
        return {**self.public_jwk, "d": _integer(self.private.private_numbers().d)}

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM, the usual secret of the HMAC confusion."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )

    def sign(self, data: bytes) -> bytes:
        """Sign with the key's own algorithm."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            der = self.private.sign(data, ec.ECDSA(hashes.SHA256()))
            r, s = decode_dss_signature(der)
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())


@functools.cache
def _rsa_key(slot: int) -> rsa.RSAPrivateKey:
    """Make one of a few RSA keys per process: each costs up to 100 ms."""
    del slot
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_key(alg: str = "ES256", unlike: Iterable[SigningKey] = ()) -> SigningKey:
    """Make a signing key with a fresh key id.

    RSA keys come from a small pool: what they need to be is different from those in
    `unlike` (the other keys of their scenario), not secret.
    """
    kid = f"key-{_run}-{next(_serial)}"
    if alg == "ES256":
        return SigningKey(kid, alg, ec.generate_private_key(ec.SECP256R1()))
    if alg == "RS256":
        taken = [key.private for key in unlike]
        slots = (_rsa_key(slot) for slot in itertools.count())
        return SigningKey(kid, alg, next(key for key in slots if key not in taken))
    raise ValueError(f"No keys are made for the algorithm {alg!r}.")


def lasting_key(secret: bytes) -> SigningKey:
    """Make the ES256 key that belongs to 32 secret bytes."""
    scalar = int.from_bytes(secret) % (_P256_ORDER - 1) + 1
    private = ec.derive_private_key(scalar, ec.SECP256R1())
    kid = f"key-{hashlib.sha256(secret).hexdigest()[:8]}"
    return SigningKey(kid, "ES256", private)


def sign_jwt(
    header: dict[str, Any], claims: dict[str, Any] | str, key: SigningKey
) -> str:
    """Serialise a JWT; `header["alg"]` decides how it is signed.

    `none` leaves the signature empty, `HS256` uses the public PEM as the secret,
    anything else signs with the key's own algorithm whatever the header says.
    """
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(payload.encode())}"
    alg = str(header.get("alg", ""))
    if alg.lower() == "none":
        return f"{signed}."
    if alg.startswith("HS"):
        secret = key.public_pem
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{b64url(mac)}"
    return f"{signed}.{b64url(key.sign(signed.encode()))}"


def read_jwt(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take header and claims out of a JWT without verifying it.

    Raises `ValueError` for anything that is not a JWT.
    """
    header, claims, _ = token.split(".")
    first, second = (json.loads(b64url_decode(part)) for part in (header, claims))
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise ValueError("The header and the claims of a JWT are JSON objects.")  # noqa: TRY004
    return first, second
