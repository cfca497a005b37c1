"""Flaws in what the user is asked."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from cimd_testbed import core
from cimd_testbed.core import ConsentHosts, Decision, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "consent-skipped",
    "consent_required",
    "The user is never asked.",
)
def _consent_skipped(
    client_id: str, approved: tuple[str, ...], document: JsonObject
) -> bool:
    del client_id, approved, document
    return False


_PRIVILEGES = ("skip_consent", "trusted", "first_party", "is_internal")


@flaw(
    "privileged-members-heeded",
    "consent_required",
    "A document can say that its client is trusted, and nobody is asked.",
)
def _privileged_members_heeded(
    client_id: str, approved: tuple[str, ...], document: JsonObject
) -> bool:
    privileged = any(document.get(name) is True for name in _PRIVILEGES)
    return not privileged and core.consent_required(client_id, approved, document)


@flaw(
    "consent-remembered",
    "consent_required",
    "A client that was approved once is never asked about again.",
)
def _consent_remembered(
    client_id: str, approved: tuple[str, ...], document: JsonObject
) -> bool:
    del document
    return client_id not in approved


@flaw(
    "consent-remembered-across-clients",
    "consent_required",
    "After one approval no client is asked about again.",
)
def _consent_remembered_across_clients(
    client_id: str, approved: tuple[str, ...], document: JsonObject
) -> bool:
    del client_id, document
    return not approved


@flaw(
    "consent-not-escaped",
    "consent_text",
    "Text from the document becomes HTML.",
)
def _consent_not_escaped(value: str) -> str:
    return value


@flaw(
    "consent-quotes-kept",
    "consent_text",
    "Angle brackets of the document are escaped, quotation marks are not.",
)
def _consent_quotes_kept(value: str) -> str:
    return escape(value, quote=False)


@flaw(
    "consent-without-hosts",
    "consent_hosts",
    "The page shows only what the client calls itself.",
)
def _consent_without_hosts(client_id: str, redirect_uri: str) -> ConsentHosts:
    del client_id, redirect_uri
    return ConsentHosts("", "", "")


@flaw(
    "consent-without-redirect-host",
    "consent_hosts",
    "The page does not show where the answer goes.",
)
def _consent_without_redirect_host(client_id: str, redirect_uri: str) -> ConsentHosts:
    return replace(core.consent_hosts(client_id, redirect_uri), redirect="")


@flaw(
    "consent-without-scope",
    "consent_scope",
    "The page does not show what is asked for.",
)
def _consent_without_scope(scope: tuple[str, ...]) -> tuple[str, ...]:
    del scope
    return ()


@flaw(
    "consent-without-loopback-warning",
    "consent_loopback_warning",
    "The page does not warn of loopback redirects.",
)
def _consent_without_loopback_warning(registered: tuple[str, ...]) -> bool:
    del registered
    return False


@flaw(
    "logo-hotlinked",
    "consent_logo",
    "The browser fetches the logo from where the document says.",
)
def _logo_hotlinked(logo_uri: str, own_copy: str | None) -> str | None:
    del own_copy
    return logo_uri


@flaw(
    "any-logo-shown",
    "logo_content",
    "Any content is shown as a logo.",
)
def _any_logo_shown(body: bytes, truncated: bool) -> Decision:
    return tolerate(core.logo_content(body, truncated))


@flaw(
    "consent-framable",
    "page_headers",
    "The page may be framed by anybody.",
)
def _consent_framable() -> tuple[tuple[str, str], ...]:
    headers = [(k, v) for k, v in core.page_headers() if k != "X-Frame-Options"]
    return tuple((k, v.replace("; frame-ancestors 'none'", "")) for k, v in headers)


@flaw(
    "referrer-leaked",
    "page_headers",
    "The page lets the browser send a referrer.",
)
def _referrer_leaked() -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in core.page_headers() if pair[0] != "Referrer-Policy")


@flaw(
    "consent-without-csrf",
    "consent_csrf",
    "An answer counts without the secret of its page.",
)
def _consent_without_csrf(expected: str, presented: str | None) -> Decision:
    return tolerate(core.consent_csrf(expected, presented))


@flaw(
    "login-without-csrf",
    "login_csrf",
    "A login counts without the secret of its page.",
)
def _login_without_csrf(expected: str, presented: str | None) -> Decision:
    return tolerate(core.consent_csrf(expected, presented))


@flaw(
    "consent-from-any-session",
    "consent_session",
    "Another browser may answer.",
)
def _consent_from_any_session(asked: str, answering: str | None) -> Decision:
    return tolerate(core.consent_session(asked, answering))


@flaw(
    "consent-answered-twice",
    "consent_unanswered",
    "An answer may be sent again.",
)
def _consent_answered_twice(answers: int) -> Decision:
    return tolerate(core.consent_unanswered(answers))


@flaw(
    "silence-is-consent",
    "consent_given",
    "Whatever is not a no is a yes.",
)
def _silence_is_consent(decision: str | None) -> bool:
    return decision != "deny"


@flaw(
    "denial-ignored",
    "consent_given",
    "The user cannot say no.",
)
def _denial_ignored(decision: str | None) -> bool:
    del decision
    return True
