"""Flaws in fetching: what is followed, taken, read and told."""

from __future__ import annotations

from urllib.parse import urljoin

from cimd_testbed import core
from cimd_testbed.core import Decision, Onward
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "any-scheme-fetched",
    "fetch_url",
    "Keys and logos are fetched over plain http too.",
)
def _any_scheme_fetched(url: str) -> Decision:
    return tolerate(core.fetch_url(url))


@flaw(
    "tls-not-verified",
    "tls_verified",
    "Any certificate is good enough.",
)
def _tls_not_verified(host: str) -> bool:
    del host
    return False


@flaw(
    "follows-redirects-guarded",
    "follow_redirect",
    "Redirects are followed, under the guard.",
)
def _follows_redirects_guarded(
    url: str, status: int, location: str | None
) -> Onward | None:
    if status not in (301, 302, 303, 307, 308) or location is None:
        return core.follow_redirect(url, status, location)
    return Onward(urljoin(url, location))


@flaw(
    "follows-redirects",
    "follow_redirect",
    "Redirects are followed, by a library that knows no guard.",
)
def _follows_redirects(url: str, status: int, location: str | None) -> Onward | None:
    if status not in (301, 302, 303, 307, 308) or location is None:
        return core.follow_redirect(url, status, location)
    return Onward(urljoin(url, location), judged=False)


@flaw(
    "any-status-accepted",
    "fetch_status",
    "A document counts whatever its status code is.",
)
def _any_status_accepted(status: int) -> Decision:
    return tolerate(core.fetch_status(status))


@flaw(
    "other-success-accepted",
    "fetch_status",
    "Every 2xx status is success.",
)
def _other_success_accepted(status: int) -> Decision:
    decision = core.fetch_status(status)
    return tolerate(decision) if 200 <= status < 300 else decision


@flaw(
    "any-content-type",
    "content_type",
    "A document counts whatever its media type is.",
)
def _any_content_type(value: str | None) -> Decision:
    return tolerate(core.content_type(value))


@flaw(
    "content-type-parameters-refused",
    "content_type",
    "A media type with parameters is refused (too strict).",
)
def _content_type_parameters_refused(value: str | None) -> Decision:
    decision = core.content_type(value)
    if not decision.refused and ";" in (value or ""):
        return core.refuse("cimd-fetch-content-type-json", "No parameters here.")
    return decision


@flaw(
    "content-type-case-sensitive",
    "content_type",
    "Only media types in lower case are known (too strict).",
)
def _content_type_case_sensitive(value: str | None) -> Decision:
    decision = core.content_type(value)
    if not decision.refused and value != (value or "").lower():
        return core.refuse("cimd-fetch-content-type-json", "Unknown media type.")
    return decision


@flaw(
    "json-suffix-refused",
    "content_type",
    "Media types that end in +json are refused (too strict).",
)
def _json_suffix_refused(value: str | None) -> Decision:
    decision = core.content_type(value)
    if not decision.refused and "+json" in (value or "").lower():
        return core.refuse("cimd-fetch-content-type-json", "Only plain JSON here.")
    return decision


@flaw(
    "no-size-cap",
    "read_cap",
    "Documents of any size are read.",
)
def _no_size_cap(configured: int) -> int:
    return max(configured, 1 << 30)


@flaw(
    "small-size-cap",
    "read_cap",
    "Documents of ordinary size are refused (too strict).",
)
def _small_size_cap(configured: int) -> int:
    return min(configured, 256)


@flaw(
    "truncated-document-parsed",
    "read_complete",
    "What fits under the cap is parsed as if it were all.",
)
def _truncated_document_parsed(truncated: bool) -> Decision:
    return tolerate(core.read_complete(truncated))


@flaw(
    "no-time-limit",
    "read_seconds",
    "Slow hosts are waited for.",
)
def _no_time_limit(configured: float) -> float:
    return max(configured, 3600.0)


@flaw(
    "fetched-body-reflected",
    "failure_text",
    "The error page shows what was fetched, and why it failed.",
)
def _fetched_body_reflected(reason: str, response: bytes) -> str:
    return f"{reason} {response[:500].decode(errors='replace')}"
