"""Flaws of the agent host: what it believes of the answers it gets."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, NextRequest, accept, split_url
from cimd_testbed.flaws._flaw import agent_host as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw("agent-state-unchecked", "callback_state", "The state is not compared.")
def _state_unchecked(expected: str, presented: str | None) -> Decision:
    return tolerate(core.callback_state(expected, presented))


@flaw(
    "agent-state-may-be-missing",
    "callback_state",
    "A response without a state is believed.",
)
def _state_may_be_missing(expected: str, presented: str | None) -> Decision:
    if presented is None:
        return accept("client-state")
    return core.callback_state(expected, presented)


@flaw("agent-iss-unchecked", "callback_issuer", "The iss is not looked at.")
def _iss_unchecked(issuer: str, announced: bool, presented: str | None) -> Decision:
    return tolerate(core.callback_issuer(issuer, announced, presented))


@flaw(
    "agent-iss-only-if-announced",
    "callback_issuer",
    "The iss is only compared when the server announces it.",
)
def _iss_only_if_announced(
    issuer: str, announced: bool, presented: str | None
) -> Decision:
    if not announced:
        return accept("iss-client-mismatch")
    return core.callback_issuer(issuer, announced, presented)


@flaw(
    "agent-iss-may-be-missing",
    "callback_issuer",
    "A response without an iss is believed although the server announces it.",
)
def _iss_may_be_missing(
    issuer: str, announced: bool, presented: str | None
) -> Decision:
    return tolerate(
        core.callback_issuer(issuer, announced, presented),
        "iss-client-missing-when-advertised",
    )


@flaw(
    "agent-iss-refused",
    "callback_issuer",
    "A response with an iss that was not announced is dropped, the right one too.",
)
def _iss_refused(issuer: str, announced: bool, presented: str | None) -> Decision:
    if presented is not None and not announced:
        return core.callback_issuer(issuer, announced, f"{presented}#unannounced")
    return core.callback_issuer(issuer, announced, presented)


@flaw(
    "agent-iss-demanded",
    "callback_issuer",
    "A response without an iss is dropped, whatever the server announces.",
)
def _iss_demanded(issuer: str, announced: bool, presented: str | None) -> Decision:
    del announced
    return core.callback_issuer(issuer, True, presented)


@flaw(
    "agent-error-shown",
    "shown_error",
    "An error's description is shown whoever it is from.",
)
def _error_shown(description: str | None, trusted: bool) -> str:
    del trusted
    return description or ""


@flaw(
    "agent-tokens-by-domain",
    "token_shelf",
    "Tokens are kept by the parent domain, like cookies.",
)
def _tokens_by_domain(resource: str) -> str:
    return split_url(resource).host.partition(".")[2]


@flaw(
    "agent-refresh-anywhere",
    "refresh_allowed",
    "A refresh token is presented to whatever server is named now.",
)
def _refresh_anywhere(issued_by: str, issuer: str) -> Decision:
    return tolerate(core.refresh_allowed(issued_by, issuer))


@flaw(
    "agent-refresh-token-kept",
    "newest_refresh_token",
    "A rotated refresh token is thrown away and the old one kept.",
)
def _refresh_token_kept(old: str | None, new: str | None) -> str | None:
    return old or new


@flaw(
    "agent-token-travels",
    "resource_redirect",
    "Redirects of the resource are followed anywhere, with the token.",
)
def _token_travels(url: str, status: int, location: str | None) -> NextRequest | None:
    if not 300 <= status < 400 or not location:
        return None
    target = (
        location if split_url(location).scheme else split_url(url).origin + location
    )
    return NextRequest(target, with_token=True)
