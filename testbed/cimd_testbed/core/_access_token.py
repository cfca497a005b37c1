"""What a protected resource demands of an access token (RFC 6750, RFC 9068, MCP)."""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._json import JsonObject
from cimd_testbed.core._resources import split_scope

TOKEN_ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256")
_KEY_TYPES = {"ES": "EC", "Ed": "OKP", "PS": "RSA", "RS": "RSA"}


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an Authorization header (RFC 6750 section 2.1)."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def token_typ(header: JsonObject) -> Decision:
    """Tell access tokens from other JWTs (RFC 9068 section 4)."""
    clause = "mcp-rs-token-type-confusion"
    typ = (header.text("typ") or "").lower().removeprefix("application/")
    if typ == "at+jwt":
        return accept(clause)
    if typ in ("", "jwt") and "typ" in header:
        return free(clause, "The token does not say what kind of JWT it is.")
    return refuse(clause, "The token is another kind of JWT.")


def token_key(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    """Return the issuer's keys to try (RFC 7517 section 4.5)."""
    if "kid" not in header:
        return keys
    return tuple(key for key in keys if key.get("kid") == header["kid"])


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


def token_time(claims: JsonObject, now: float) -> Decision:
    """Check that it has begun and has not expired.

    RFC 7519 sections 4.1.4 and 4.1.5.
    """
    clause = "mcp-rs-expiry-nbf"
    expires = claims.number("exp")
    if expires is None or expires <= now:
        return refuse(clause, "The token has expired.")
    begins = claims.number("nbf") if "nbf" in claims else now
    if begins is None or begins > now + 30:
        return refuse(clause, "The token is not valid yet.")
    return accept(clause)


def token_scope(claims: JsonObject, required: tuple[str, ...]) -> Decision:
    """Check that it has the scope that the operation takes (RFC 6750 section 3.1)."""
    clause = "mcp-rs-insufficient-scope"
    if not set(split_scope(claims.text("scope"))).issuperset(required):
        return refuse(clause, "The token lacks scope.")
    return accept(clause)
