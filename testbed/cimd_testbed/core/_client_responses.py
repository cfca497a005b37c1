"""What a client believes of the answers it gets: callbacks, tokens, redirects."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._url import split_url


@dataclass(frozen=True, slots=True)
class NextRequest:
    """Where a request goes on to after a redirect, and whether with the token."""

    url: str
    with_token: bool


def callback_place(expected: str, arrived: str) -> Decision:
    """Take a response at the redirect URI of its request alone (RFC 8252 section 8.10).

    `arrived` is where it came in, without its query.
    """
    clause = "client-redirect-uri-check-on-return"
    if arrived != expected:
        return refuse(clause, "The response came in at another place.")
    return accept(clause)


def callback_onward(params: tuple[tuple[str, str], ...]) -> str | None:
    """Send the browser nowhere after a response (RFC 9700 section 4.11.1)."""
    del params
    return None


def callback_state(expected: str, presented: str | None) -> Decision:
    """Drop a response that belongs to no request of ours (RFC 9700 section 4.7).

    To a request without a state belongs a response without one.
    """
    clause = "client-state"
    if not hmac.compare_digest(
        expected.encode(), (presented or "").encode("utf-8", "surrogatepass")
    ):
        return refuse(clause, "The response belongs to another request.")
    return accept(clause)


def callback_issuer(issuer: str, announced: bool, presented: str | None) -> Decision:
    """Compare `iss` with the issuer recorded for the request (RFC 9207 section 2.4).

    The four rows of MCP "Authorization Response Validation". Strings are compared as
    they are, errors like codes.
    """
    if presented is not None:
        if presented != issuer:
            return refuse("iss-client-mismatch", "Another server answered.")
        row = "mismatch" if announced else "present-not-advertised"
        return accept(f"iss-client-{row}")
    if announced:
        return refuse(
            "iss-client-missing-when-advertised", "The response does not say its iss."
        )
    return accept("iss-client-absent-not-advertised")


def shown_error(description: str | None, trusted: bool) -> str:
    """Show a server's words only when the response is known to be its own.

    MCP: "on mismatch the client MUST NOT act on or display error".
    """
    return (description or "") if trusted else ""


def token_shelf(resource: str) -> str:
    """Keep tokens by the resource that they are for (client-token-destination)."""
    return resource


def refresh_allowed(issued_by: str, issuer: str) -> Decision:
    """Present a refresh token to nobody but its issuer (client-as-change)."""
    clause = "client-as-change"
    if issued_by != issuer:
        return refuse(clause, "The refresh token is another server's.")
    return accept(clause)


def newest_refresh_token(old: str | None, new: str | None) -> str | None:
    """Let a rotated refresh token replace the old one (RFC 6749 section 6)."""
    return new or old


def call_url(url: str, token: str) -> str:
    """Return the URL of a call: a token is never in it (OAuth 2.1 section 5.1)."""
    del token
    return url


def token_unasked(challenged: bool) -> bool:
    """Send the token with every request (MCP "Token Requirements"), asked or not."""
    del challenged
    return True


def resource_redirect(
    url: str, status: int, location: str | None
) -> NextRequest | None:
    """Follow a redirect of the resource within its origin only, as the same request.

    A token is for one resource: it does not travel (client-token-destination).
    """
    if status not in (307, 308) or not location:
        return None
    here, there = split_url(url), split_url(location)
    if there.scheme is None and there.authority is None and location.startswith("/"):
        return NextRequest(here.origin + location, with_token=True)
    if there.origin == here.origin and there.userinfo is None:
        return NextRequest(location, with_token=True)
    return None
