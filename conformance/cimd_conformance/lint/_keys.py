"""Rules for key sets: public, asymmetric, told apart (RFC 7517)."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cimd_conformance.lint._finding import Wrong

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_SHORTEST_RSA = 2048
_SERVED = "host-jwks-served"


def lint_key_set(value: Any, at: str = "jwks", *, inline: bool) -> Iterator[Wrong]:
    """Yield what is wrong with a key set; `inline` means inside the document."""
    secret = "cimd-doc-no-private-key" if inline else _SERVED
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not keys:
        what = f"{at} holds no array of keys."
        yield Wrong(_SERVED, at, what, 'Publish {"keys": [...]} with a public key.')
        return
    for number, key in enumerate(keys):
        where = f"{at}.keys[{number}]"
        if isinstance(key, dict):
            yield from _key(key, where, secret)
        else:
            yield Wrong(_SERVED, where, f"{where} is no key.", "Publish JWKs.")
    kids = [key.get("kid") for key in keys if isinstance(key, dict)]
    for kid, count in Counter(str(kid) for kid in kids if kid is not None).items():
        if count > 1:
            what = f"{count} keys have the kid {kid!r}."
            yield Wrong("pkjwt-kid-handling", at, what, "Give each key a kid.")
    if len(keys) > 1 and None in kids:
        what = "Several keys, and not all have a kid."
        yield Wrong("pkjwt-kid-handling", at, what, "Give each key a kid.")


def _key(key: dict[str, Any], at: str, secret: str) -> Iterator[Wrong]:
    for name in _PRIVATE:
        if name in key:
            what = f"{at} has the private member {name!r}: whoever reads it is you."
            fix = "Withdraw this key at once, make a new one, publish its public part."
            yield Wrong(secret, f"{at}.{name}", what, fix)
    match key.get("kty"):
        case "oct":
            what = f"{at} is a symmetric key."
            yield Wrong(secret, f"{at}.kty", what, "Use EC, RSA or OKP.")
        case "EC" | "OKP":
            pass
        case "RSA":
            yield from _rsa(key, at)
        case other:
            what = f"{at} is of the unknown type {other!r}."
            yield Wrong(_SERVED, f"{at}.kty", what, "Use EC, RSA or OKP.")
    if key.get("use", "sig") != "sig":
        what = f"{at} is not for signatures: use is {key['use']!r}."
        yield Wrong("pkjwt-key-use", f"{at}.use", what, 'Say "use": "sig".')
    alg = key.get("alg")
    if isinstance(alg, str) and (alg.lower() == "none" or alg.startswith("HS")):
        what = f"{at} asks for the algorithm {alg!r}."
        yield Wrong("pkjwt-alg-allowlist", f"{at}.alg", what, "Say ES256, say.")


def _rsa(key: dict[str, Any], at: str) -> Iterator[Wrong]:
    text = str(key.get("n", ""))
    try:
        bits = len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) * 8
    except ValueError:
        bits = 0
    if bits < _SHORTEST_RSA:
        what = f"{at} has {bits} bits."
        fix = f"Use {_SHORTEST_RSA} or more, or ES256."
        yield Wrong("cimd-auth-rfc8725", f"{at}.n", what, fix)
