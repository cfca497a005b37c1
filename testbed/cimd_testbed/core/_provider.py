"""A server that sends people on to an identity provider (MCP, Confused Deputy).

The provider knows one client, this server, and is silent when it knows the browser: so
the person is asked here, for each client, before the browser goes there.
"""

from __future__ import annotations

import hmac

from cimd_testbed.core._decision import Decision, accept, refuse

_CLAUSE = "mcp-proxy-state-after-consent"


def provider_state_made(approved: bool) -> bool:
    """Whether to make the state for the provider now: once the person has agreed.

    A state that is there before is a way round the question.
    """
    return approved


def provider_cookie_name(secure: bool) -> str:
    """Return the name of the cookie with that state.

    The prefix binds it to this https origin (RFC 6265bis section 4.1.3).
    """
    return "__Host-provider-state" if secure else "provider-state"


def provider_cookie_attributes(secure: bool) -> str:
    """Return the attributes of that cookie; Lax, because the answer is a link."""
    attributes = "Path=/; HttpOnly; SameSite=Lax"
    return f"{attributes}; Secure" if secure else attributes


def provider_browser(state: str, cookie: str | None) -> Decision:
    """Check that the browser that comes back is the one that agreed (CVE-2026-27124).

    Otherwise one person agrees, and another's login ends at the client.
    """
    if cookie is None or not hmac.compare_digest(
        state.encode("utf-8", "replace"), cookie.encode("utf-8", "replace")
    ):
        return refuse(_CLAUSE, "Another browser was sent to the identity provider.")
    return accept(_CLAUSE)


def provider_state_unused(returns: int) -> Decision:
    """Check that a state is used once."""
    if returns:
        return refuse(_CLAUSE, "This answer has been used already.")
    return accept(_CLAUSE)


def provider_state_age(left_at: float, lifetime: float, now: float) -> Decision:
    """Check that the browser has not been away for too long."""
    if now - left_at >= lifetime:
        return refuse(_CLAUSE, "The login took too long.")
    return accept(_CLAUSE)
