"""Flaws in what is told of a fetch that failed."""

from __future__ import annotations

from cimd_testbed.flaws._flaw import authorization_server as flaw


@flaw(
    "fetched-body-reflected",
    "failure_text",
    "The error page shows what was fetched, and why it failed.",
)
def _fetched_body_reflected(reason: str, response: bytes) -> str:
    return f"{reason} {response[:500].decode(errors='replace')}"


@flaw(
    "first-letters-reflected",
    "failure_text",
    "The error page shows what the parser says, which quotes where it stopped.",
)
def _first_letters_reflected(reason: str, response: bytes) -> str:
    return f"{reason} Unexpected: {response[:10].decode(errors='replace')}…"


@flaw(
    "failures-as-500",
    "failure_status",
    "A document that cannot be used is answered with 500.",
)
def _failures_as_500(clause: str) -> int:
    del clause
    return 500


@flaw(
    "fetch-failure-misnamed-at-token",
    "failure_at_token",
    "A failed fetch is told to programs as the authorization endpoint tells it.",
)
def _fetch_failure_misnamed_at_token(clause: str) -> str:
    del clause
    return "server_error"
