"""What the user is shown and how the answer is protected (CIMD-03 section 9.5)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from html import escape

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._json import JsonObject
from cimd_testbed.core._redirect import is_loopback_redirect
from cimd_testbed.core._url import split_url

Headers = tuple[tuple[str, str], ...]


def consent_required(
    client_id: str, approved: tuple[str, ...], document: JsonObject
) -> bool:
    """Whether to ask: always, whatever was approved before (RFC 8252 section 8.6).

    `approved` are the clients that this user approved. A client_id proves nothing
    about who sent the request, and a document cannot say that it is trusted.
    """
    del client_id, approved, document
    return True


def consent_text(value: str) -> str:
    """Return text from a document as harmless HTML (OAuth 2.1-13 section 7.11)."""
    return escape(value[:200])


@dataclass(frozen=True, slots=True)
class ConsentHosts:
    """Who asks and where the answer goes, as the page shows it; '' is not shown."""

    client: str
    redirect: str
    client_id: str


def consent_hosts(client_id: str, redirect_uri: str) -> ConsentHosts:
    """Show the host of the client, which is what is known about it.

    CIMD-03 section 9.5.

    MCP demands the host of the redirect URI besides; for an app it is the scheme.
    """
    redirect = split_url(redirect_uri)
    port = "" if redirect.port_text is None else f":{redirect.port_text}"
    to = f"{redirect.host}{port}" if redirect.host else f"{redirect.scheme}:"
    return ConsentHosts(split_url(client_id).host or client_id, to, client_id)


def consent_scope(scope: tuple[str, ...]) -> tuple[str, ...]:
    """Show all that is asked for (RFC 6749 section 10.2)."""
    return scope


def consent_loopback_warning(registered: tuple[str, ...]) -> bool:
    """Whether to warn: any program on the machine can pose as this client (MCP)."""
    return all(map(is_loopback_redirect, registered))


def consent_logo(logo_uri: str, own_copy: str | None) -> str | None:
    """Return the picture's address: our own copy or none (CIMD-03 section 9.8)."""
    del logo_uri
    return own_copy


def page_headers() -> Headers:
    """Return headers that forbid framing, referrers and caching.

    RFC 9700 section 4.16.
    """
    policy = (
        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'"
    )
    return (
        ("Content-Security-Policy", f"{policy}; frame-ancestors 'none'"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    )


def consent_csrf(expected: str, presented: str | None) -> Decision:
    """Check that the form carries the secret of its page (RFC 6749 section 10.12)."""
    clause = "consent-csrf"
    if presented is None or not hmac.compare_digest(
        expected.encode(), presented.encode("utf-8", "replace")
    ):
        return refuse(clause, "The form was not sent from our own page.")
    return accept(clause)


def consent_session(asked: str, answering: str | None) -> Decision:
    """Check that the browser session that was asked is the one that answers.

    CVE-2026-27124.
    """
    clause = "consent-csrf"
    if asked != answering:
        return refuse(clause, "The request belongs to another browser session.")
    return accept(clause)


def consent_unanswered(answers: int) -> Decision:
    """Check that a question is answered once."""
    clause = "consent-explicit"
    if answers:
        return refuse(clause, "The request has been answered already.")
    return accept(clause)


def consent_given(decision: str | None) -> bool:
    """Whether the user said yes, in so many words (OAuth 2.1-13 section 4.1.1)."""
    return decision == "approve"


def document_at_issue(
    asked: JsonObject, current: JsonObject | None
) -> JsonObject | None:
    """Return the document that counts when the code is issued: today's.

    CIMD-03 section 9.4.

    None means that there is none any more, and then no code either.
    """
    del asked
    return current
