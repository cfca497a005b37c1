"""Client assertions: `private_key_jwt`.

RFC 7523, rfc7523bis, RFC 8725, CIMD-03 Section 6.
"""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._json import JsonObject

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256")
ASSERTION_TYPES = frozenset({"client-authentication+jwt", "oauth-client-auth+jwt"})
UNDERSTOOD_CRITICAL: frozenset[str] = frozenset()
LEEWAY = 30.0
"""Seconds by which clocks may differ."""

_KEY_TYPES = {"ES": "EC", "Ed": "OKP", "PS": "RSA", "RS": "RSA"}


def assertion_type(presented: str | None) -> Decision:
    """Check that the parameter `client_assertion_type` has one value.

    RFC 7523 section 2.2.
    """
    clause = "pkjwt-assertion-type"
    if presented != ASSERTION_TYPE:
        return refuse(clause, "The client_assertion_type is not jwt-bearer.")
    return accept(clause)


def assertion_typ(header: JsonObject) -> Decision:
    """Tell assertions from other JWTs by `typ` (CIMD-03 section 6, RFC 8725).

    Both registered values are accepted. rfc7523bis asks servers to bear with untyped
    assertions, CIMD-03 does not: a missing or generic one is free.
    """
    typ = header.get("typ")
    name = typ.lower().removeprefix("application/") if isinstance(typ, str) else typ
    if name in ASSERTION_TYPES:
        return accept("cimd-auth-as-validates-typ")
    if name is None or name == "jwt":
        return free("cimd-auth-typ-missing", "The assertion does not say its type.")
    return refuse("cimd-auth-as-validates-typ", "The assertion is another kind of JWT.")


def assertion_critical(header: JsonObject) -> Decision:
    """Refuse extensions that are critical and not understood.

    RFC 7515 section 4.1.11.
    """
    clause = "cimd-auth-rfc8725"
    if "crit" not in header:
        return accept(clause)
    critical = header.texts("crit")
    if not critical or not UNDERSTOOD_CRITICAL.issuperset(critical):
        return refuse(clause, "The assertion has a critical extension.")
    return accept(clause)


def assertion_algorithm(
    header: JsonObject, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    """Allow listed algorithms only, each for its kind of key (RFC 8725 section 3.1)."""
    alg = header.get("alg")
    if not isinstance(alg, str) or alg.lower() == "none":
        return refuse("pkjwt-alg-none", "The assertion is not signed.")
    if alg.startswith("HS"):
        return refuse("pkjwt-alg-hs256-confusion", "The assertion has a MAC.")
    if alg not in allowed:
        return refuse("pkjwt-alg-allowlist", "The signature algorithm is not allowed.")
    if key.get("kty") != _KEY_TYPES.get(alg[:2]) or key.get("alg", alg) != alg:
        return refuse("pkjwt-alg-allowlist", "The key is for another algorithm.")
    return accept("pkjwt-alg-allowlist")


def assertion_key(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    """Return the registered keys to try; the header never brings one along.

    `kid` selects (RFC 8725 section 3.10); without it every key is a candidate. Keys for
    encryption are passed over.
    """
    usable = tuple(key for key in keys if _for_signatures(key))
    if "kid" not in header:
        return usable
    return tuple(key for key in usable if key.get("kid") == header["kid"])


def _for_signatures(key: JsonObject) -> bool:
    if key.get("use", "sig") != "sig":
        return False
    return "key_ops" not in key or "verify" in key.texts("key_ops")


def assertion_key_found(found: int) -> Decision:
    """Refuse an assertion that no registered key is meant for.

    RFC 8725 section 3.10.
    """
    clause = "pkjwt-kid-handling"
    if not found:
        return refuse(clause, "No key of the client is meant.")
    return accept(clause)


def assertion_issuer_subject(claims: JsonObject, client_id: str) -> Decision:
    """Both `iss` and `sub` are the client_id (RFC 7523 section 3)."""
    clause = "pkjwt-iss-sub"
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        return refuse(clause, "The assertion is about another client.")
    return accept(clause)


def assertion_audience(
    claims: JsonObject, issuer: str, token_endpoint: str
) -> Decision:
    """Check that the issuer identifier is the sole audience.

    rfc7523bis, for RFC 7523 section 3.

    RFC 7523 allowed the token endpoint; rfc7523bis withdrew it, because another server
    can have an assertion for itself addressed there.
    """
    audience = claims.get("aud")
    if audience in (issuer, (issuer,)):
        return accept("pkjwt-aud-issuer-sole")
    if audience in (token_endpoint, (token_endpoint,)):
        return refuse(
            "pkjwt-aud-token-endpoint", "The audience is the token endpoint's URL."
        )
    if isinstance(audience, tuple) and issuer in audience:
        return refuse("pkjwt-aud-injection", "The assertion is also for somebody else.")
    return refuse("pkjwt-aud-issuer-sole", "The assertion is not for this issuer.")


def assertion_expiry(claims: JsonObject, now: float, longest: float) -> Decision:
    """Check that it expires (RFC 7523 section 3), within a reasonable time."""
    clause = "pkjwt-exp"
    expires = claims.number("exp")
    if expires is None:
        return refuse(clause, "The assertion does not expire.")
    if expires <= now - LEEWAY:
        return refuse(clause, "The assertion has expired.")
    if expires > now + longest:
        return refuse(clause, "The assertion expires unreasonably late.")
    return accept(clause)


def assertion_not_before(claims: JsonObject, now: float) -> Decision:
    """Neither `nbf` nor `iat` lies in the future (RFC 7519 sections 4.1.5, 4.1.6)."""
    clause = "pkjwt-nbf-iat"
    for name in ("nbf", "iat"):
        if name not in claims:
            continue
        moment = claims.number(name)
        if moment is None or moment > now + LEEWAY:
            return refuse(clause, "The assertion is not valid yet.")
    return accept(clause)


def assertion_jti(seen: int) -> Decision:
    """Check that an assertion is used once (RFC 7523 section 3 item 7).

    `seen` counts earlier uses of this `jti`, or of the same assertion without one.
    """
    clause = "pkjwt-jti-replay"
    if seen:
        return refuse(clause, "The assertion has been used before.")
    return accept(clause)
