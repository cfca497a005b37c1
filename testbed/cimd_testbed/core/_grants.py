"""Codes, tokens and who may use them (RFC 6749, RFC 7009, RFC 7662, RFC 9700)."""

from __future__ import annotations

import base64

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._json import JsonObject

Headers = tuple[tuple[str, str], ...]


def grant_type_allowed(requested: str, registered: tuple[str, ...]) -> Decision:
    """Check that the document bounds what a client may do (RFC 7591 section 2)."""
    clause = "cimd-doc-grant-types-enforced"
    if requested not in registered:
        return refuse(clause, "The client did not register this grant type.")
    return accept(clause)


def secret_value(entropy: bytes) -> str:
    """Return a code or token of all its 256 random bits (RFC 6749 section 10.10)."""
    return base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def code_unused(redeemed: int) -> Decision:
    """Check that a code is used once (RFC 6749 section 4.1.2)."""
    clause = "code-single-use"
    if redeemed:
        return refuse(clause, "The code has been used before.")
    return accept(clause)


def code_replay_revokes(redeemed: int) -> bool:
    """Whether a valid replay revokes what the code gave.

    OAuth 2.1-13 section 4.1.3.
    """
    return redeemed > 0


def code_client(issued_to: str, presented_by: str) -> Decision:
    """Check that a code belongs to the client it was issued to.

    RFC 6749 section 4.1.3.
    """
    clause = "code-bound-to-client"
    if issued_to != presented_by:
        return refuse(clause, "The code was issued to another client.")
    return accept(clause)


def code_redirect_uri(requested: str | None, presented: str | None) -> Decision:
    """Demand the redirect_uri of the authorization request (RFC 6749 section 4.1.3).

    OAuth 2.1 no longer asks for it; what is sent has to be right.
    """
    clause = "code-bound-to-redirect-uri"
    if presented is None:
        return free(clause, "PKCE binds the code already.")
    if presented != requested:
        return refuse(clause, "The redirect_uri is not the one of the request.")
    return accept(clause)


def code_expiry(issued_at: float, now: float, lifetime: float) -> Decision:
    """Check that a code expires shortly after it is issued (RFC 6749 section 4.1.2)."""
    clause = "code-expiry"
    if now - issued_at >= lifetime:
        return refuse(clause, "The code has expired.")
    return accept(clause)


def refresh_token_issued(registered: tuple[str, ...]) -> bool:
    """Whether the client gets a refresh token: if it registered for it (SEP-2207)."""
    return "refresh_token" in registered


def refresh_client(issued_to: str, presented_by: str) -> Decision:
    """Check that a refresh token belongs to its client (RFC 6749 section 10.4)."""
    clause = "refresh-client-binding"
    if issued_to != presented_by:
        return refuse(clause, "The refresh token was issued to another client.")
    return accept(clause)


def refresh_unused(uses: int) -> Decision:
    """Check that a rotated refresh token is not used again.

    RFC 9700 section 4.14.2.
    """
    clause = "refresh-replay-detection"
    if uses:
        return refuse(clause, "The refresh token has been used before.")
    return accept(clause)


def refresh_replay_revokes(uses: int) -> bool:
    """Whether reuse ends the whole family of tokens (RFC 9700 section 4.14.2)."""
    return uses > 0


def refresh_rotates(public: bool) -> bool:
    """Whether each use gives a new refresh token (OAuth 2.1-13 section 4.3.1)."""
    del public
    return True


def refresh_expiry(issued_at: float, now: float, lifetime: float) -> Decision:
    """Check that a refresh token that nobody used for long expires.

    RFC 9700 section 4.14.2.
    """
    clause = "refresh-inactive-expiry"
    if now - issued_at >= lifetime:
        return refuse(clause, "The refresh token has expired.")
    return accept(clause)


def grant_alive(revoked: bool) -> Decision:
    """Nothing comes of a grant that was revoked (RFC 7009 section 2.1)."""
    clause = "revocation-works"
    if revoked:
        return refuse(clause, "The grant was revoked.")
    return accept(clause)


def revocation_client(issued_to: str, presented_by: str) -> Decision:
    """Only its client revokes a token (RFC 7009 section 2.1)."""
    clause = "revocation-works"
    if issued_to != presented_by:
        return refuse(clause, "The token was issued to another client.")
    return accept(clause)


def introspection_caller(resource: str | None) -> Decision:
    """Only a registered protected resource may ask (RFC 7662 section 2.1).

    `resource` is the one whose credentials were presented, or None.
    """
    clause = "introspection-protected"
    if resource is None:
        return refuse(clause, "Introspection needs a protected resource's credentials.")
    return accept(clause)


def introspection_audience(resource: str | None, audience: tuple[str, ...]) -> Decision:
    """Check that a resource learns nothing about tokens for others.

    RFC 7662 section 4.
    """
    clause = "introspection-protected"
    if resource is not None and resource not in audience:
        return refuse(clause, "The token is for another resource.")
    return accept(clause)


def access_token_lifetime(configured: float) -> float:
    """Return how long an access token lives: shortly (OAuth 2.1-13 section 7.1)."""
    return configured


def token_headers() -> Headers:
    """Return the headers that keep tokens out of caches (RFC 6749 section 5.1)."""
    return (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def access_token_claims(claims: JsonObject) -> JsonObject:
    """Return the claims of an access token: all of RFC 9068 section 2.2."""
    return claims
