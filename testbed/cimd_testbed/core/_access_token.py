"""What a protected resource demands of an access token (RFC 6750, RFC 9068, MCP)."""

from __future__ import annotations

import re

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._json import JsonObject
from cimd_testbed.core._resources import split_scope

TOKEN_ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256")
LEEWAY = 30
"""Seconds by which the clocks of issuer and resource may differ."""
_KEY_TYPES = {"ES": "EC", "Ed": "OKP", "PS": "RSA", "RS": "RSA"}
_CREDENTIALS = re.compile(r"(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)")

MALFORMED = ""
"""What `bearer_token` returns for credentials that are there but make no sense."""


def bearer_token(authorization: tuple[str, ...]) -> str | None:
    """Return the token of the Authorization headers (RFC 6750 section 2.1).

    None when there is no such header, `MALFORMED` when there are several, or one that
    does not consist of the scheme and one token. The scheme is case-insensitive.
    """
    if not authorization:
        return None
    found = _CREDENTIALS.fullmatch(authorization[0])
    return found[1] if found and len(authorization) == 1 else MALFORMED


def malformed_credentials(authorization: tuple[str, ...]) -> Decision:
    """Refuse credentials that make no sense: they are not none (MCP, Error Handling).

    A token that is empty is the shape of a client's mistake, or of a try.
    """
    del authorization
    return refuse("mcp-rs-malformed-400", "The credentials make no sense.")


def query_token(parameters: tuple[tuple[str, str], ...]) -> str | None:
    """Return the token of the query: never one (OAuth 2.1 section 5.1).

    URLs end up in logs, in histories and in Referer headers.
    """
    del parameters
    return None


def unreadable_token(token: str) -> JsonObject | None:
    """Return the claims of a token that is no JWT: none (RFC 9068 section 4)."""
    del token
    return None


def verified_before(token: str, earlier: tuple[str, ...]) -> bool:
    """Whether a token need not be verified because one of these was: never.

    What is remembered by a part of a token, its `jti` or its claims, lets through
    whatever else has that part (RFC 9068 section 4).
    """
    del token, earlier
    return False


def token_key_url(header: JsonObject, claims: JsonObject) -> str | None:
    """Return where a token says that its key is: nowhere (RFC 8725 section 3.10).

    Neither its header nor the issuer that it names is asked before it is verified.
    """
    del header, claims
    return None


def token_critical(header: JsonObject) -> Decision:
    """Refuse extensions that must be understood and are not (RFC 7515 4.1.11)."""
    clause = "mcp-rs-signature-alg"
    if "crit" in header:
        return refuse(clause, "The token needs an extension that is unknown here.")
    return accept(clause)


def token_typ(header: JsonObject) -> Decision:
    """Tell access tokens from other JWTs (RFC 9068 section 4).

    Free for `JWT` and for nothing at all, which older issuers write.
    """
    clause = "mcp-rs-token-type-confusion"
    typ = (header.text("typ") or "").lower().removeprefix("application/")
    if typ == "at+jwt":
        return accept(clause)
    if typ == "jwt" or "typ" not in header:
        return free(clause, "The token does not say what kind of JWT it is.")
    return refuse(clause, "The token is another kind of JWT.")


def token_key(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    """Return the issuer's keys to try (RFC 7517 section 4.5), never the token's own."""
    usable = tuple(key for key in keys if key.get("use", "sig") == "sig")
    if "kid" not in header:
        return usable
    return tuple(key for key in usable if key.get("kid") == header["kid"])


def token_algorithm(
    header: JsonObject, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    """Allow listed algorithms only, each for its kind of key (RFC 8725 section 3.1)."""
    clause = "mcp-rs-signature-alg"
    alg = header.text("alg")
    if alg is None or alg not in allowed or key.get("kty") != _KEY_TYPES.get(alg[:2]):
        return refuse(clause, "The signature algorithm is not allowed.")
    return accept(clause)


def token_issuer(claims: JsonObject, issuer: str) -> Decision:
    """Check that the issuer is the one that is trusted (RFC 9068 section 4)."""
    clause = "mcp-rs-issuer"
    if claims.get("iss") != issuer:
        return refuse(clause, "The token is from another issuer.")
    return accept(clause)


def token_for_resource(claims: JsonObject, resource: str) -> Decision:
    """Check that the audience is this resource (RFC 8707 section 2, MCP)."""
    clause = "mcp-rs-audience"
    audience = claims.get("aud")
    if audience == resource:
        return accept(clause)
    if isinstance(audience, tuple) and resource in audience:
        return accept("mcp-rs-audience-array")
    return refuse(clause, "The token is for another resource.")


def token_expiry(claims: JsonObject, now: float) -> Decision:
    """Check that it expires, and has not yet (RFC 9068 section 2.2, RFC 7519 4.1.4)."""
    clause = "mcp-rs-expiry-nbf"
    expires = claims.number("exp")
    if expires is None:
        return refuse(clause, "The token does not say when it expires.")
    if expires <= now:
        return refuse(clause, "The token has expired.")
    return accept(clause)


def token_not_before(claims: JsonObject, now: float) -> Decision:
    """Check that it is valid already (RFC 7519 section 4.1.5)."""
    clause = "mcp-rs-expiry-nbf"
    begins = claims.number("nbf") if "nbf" in claims else now
    if begins is None or begins > now + LEEWAY:
        return refuse(clause, "The token is not valid yet.")
    return accept(clause)


def token_claims(claims: JsonObject) -> Decision:
    """Take whatever else a token says (RFC 7519 section 4)."""
    del claims
    return accept("mcp-rs-valid-token", "Claims that are not understood are ignored.")


def token_scope(claims: JsonObject, required: tuple[str, ...]) -> Decision:
    """Check that it has the scope that the operation takes (RFC 6750 section 3.1)."""
    clause = "mcp-rs-insufficient-scope"
    if not set(split_scope(claims.text("scope"))).issuperset(required):
        return refuse(clause, "The token lacks scope.")
    return accept(clause)


def implied_scope(
    scope: tuple[str, ...], broader: tuple[tuple[str, tuple[str, ...]], ...]
) -> tuple[str, ...]:
    """Return a scope with what stands below its values (MCP, Step-Up Authorization).

    `broader` has the values that stand for others, each with those.
    """
    below = [one for name, narrower in broader if name in scope for one in narrower]
    return tuple(dict.fromkeys((*scope, *below)))


def introspection_active(answer: JsonObject) -> Decision:
    """Check that the token is active: the boolean true (RFC 7662 section 2.2)."""
    clause = "mcp-rs-invalid-token-401"
    if answer.get("active") is not True:
        return refuse(clause, "The token is not active.")
    return accept(clause)


def introspection_still_fresh(
    stored_at: float, lifetime: float, expires: float | None, now: float
) -> bool:
    """Whether an earlier answer counts: for a while, never beyond `exp`.

    RFC 7662 section 4.
    """
    return now - stored_at < lifetime and (expires is None or now < expires)


def introspection_after_failure(clause: str, age: float) -> bool:
    """Whether an earlier answer stands in when nobody answers: no.

    Whoever can make the endpoint fail could otherwise keep a revoked token alive.
    """
    del clause, age
    return False
