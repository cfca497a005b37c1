"""Flaws on the way to an identity provider and back."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "provider-state-before-consent",
    "provider_state_made",
    "The state for the identity provider is there before anybody has agreed.",
)
def _provider_state_before_consent(approved: bool) -> bool:
    del approved
    return True


@flaw(
    "provider-cookie-unprefixed",
    "provider_cookie_name",
    "The cookie that binds the state could be set by another host of the domain.",
)
def _provider_cookie_unprefixed(secure: bool) -> str:
    del secure
    return core.provider_cookie_name(False)


@flaw(
    "provider-cookie-bare",
    "provider_cookie_attributes",
    "The cookie that binds the state goes everywhere, and scripts can read it.",
)
def _provider_cookie_bare(secure: bool) -> str:
    return core.provider_cookie_attributes(secure).partition(";")[0] + "; Secure"


@flaw(
    "provider-answer-from-any-browser",
    "provider_browser",
    "What one person agreed to is finished with the login of another.",
)
def _provider_answer_from_any_browser(state: str, cookie: str | None) -> Decision:
    return tolerate(core.provider_browser(state, cookie))


@flaw(
    "provider-state-reused",
    "provider_state_unused",
    "A state for the identity provider can be used again.",
)
def _provider_state_reused(returns: int) -> Decision:
    return tolerate(core.provider_state_unused(returns))


@flaw(
    "provider-state-for-ever",
    "provider_state_age",
    "A state for the identity provider does not grow old.",
)
def _provider_state_for_ever(left_at: float, lifetime: float, now: float) -> Decision:
    return tolerate(core.provider_state_age(left_at, lifetime, now))
