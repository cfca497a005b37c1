"""Flaws in fetching: what is followed, taken, read and told."""

from __future__ import annotations

import re
import zlib
from urllib.parse import urljoin

from cimd_testbed import core
from cimd_testbed.core import Decision, FetchProblem, Onward, TlsProblem
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate

_KEY_URLS = ("jku", "x5u")
_POINTERS = {
    "content-location": r"(.+)",
    "refresh": r"url=(.+)",
    "link": r"<(.+?)>",
    "alt-svc": r'"(.+?):443"',
}
_REFRESH = re.compile(rb'http-equiv="refresh" content="0; url=([^"]+)"')


@flaw(
    "any-scheme-fetched",
    "fetch_url",
    "Keys and logos are fetched over plain http too.",
)
def _any_scheme_fetched(url: str) -> Decision:
    return tolerate(core.fetch_url(url))


@flaw(
    "judges-after-connecting",
    "judged_before_dialling",
    "The connection is made first, and closed when it led to a forbidden address.",
)
def _judges_after_connecting(host: str) -> bool:
    del host
    return False


@flaw(
    "host-judged-once",
    "judged_anew",
    "A host that was judged once is trusted from then on.",
)
def _host_judged_once(times: int) -> bool:
    return times == 0


@flaw(
    "connections-shared-by-address",
    "connection_key",
    "A kept connection is used for every name at its address.",
)
def _connections_shared_by_address(host: str, address: str, port: int) -> str | None:
    del host
    return f"{address} {port}"


@flaw(
    "document-links-previewed",
    "also_fetched",
    "Links of the document to other hosts are fetched for a preview.",
)
def _document_links_previewed(member: str, url: str, client_id: str) -> Onward | None:
    elsewhere = core.split_url(url).origin != core.split_url(client_id).origin
    known = member in ("jwks_uri", "logo_uri", *_KEY_URLS)
    return Onward(url, judged=False) if elsewhere and not known else None


@flaw(
    "header-keys-fetched",
    "also_fetched",
    "Keys are fetched from where the header of an assertion says.",
)
def _header_keys_fetched(member: str, url: str, client_id: str) -> Onward | None:
    del client_id
    return Onward(url, judged=False) if member in _KEY_URLS else None


@flaw(
    "tls-not-verified",
    "tls_problem",
    "Where TLS fails, the fetch is tried again without verification.",
)
def _tls_not_verified(problem: TlsProblem) -> Decision:
    return tolerate(core.tls_problem(problem), "cimd-fetch-tls-validation")


@flaw(
    "certificate-dates-ignored",
    "tls_problem",
    "A certificate that is out of date is good enough.",
)
def _certificate_dates_ignored(problem: TlsProblem) -> Decision:
    dates = (TlsProblem.EXPIRED, TlsProblem.NOT_YET_VALID)
    decision = core.tls_problem(problem)
    return tolerate(decision) if problem in dates else decision


@flaw(
    "certificate-name-ignored",
    "tls_problem",
    "A certificate of any other host is good enough.",
)
def _certificate_name_ignored(problem: TlsProblem) -> Decision:
    decision = core.tls_problem(problem)
    return tolerate(decision) if problem is TlsProblem.OTHER_NAME else decision


@flaw(
    "any-issuer-trusted",
    "tls_problem",
    "A certificate need not come from a CA that is trusted.",
)
def _any_issuer_trusted(problem: TlsProblem) -> Decision:
    unknown = (TlsProblem.UNKNOWN_ISSUER, TlsProblem.UNFIT)
    decision = core.tls_problem(problem)
    return tolerate(decision) if problem in unknown else decision


@flaw(
    "old-tls-accepted",
    "tls_problem",
    "TLS 1.0 and 1.1 are spoken with whoever speaks nothing else.",
)
def _old_tls_accepted(problem: TlsProblem) -> Decision:
    return tolerate(core.tls_problem(problem), "cimd-fetch-tls-version")


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
    "error-status-accepted",
    "fetch_status",
    "A document counts even when its host says that there is none, or is in trouble.",
)
def _error_status_accepted(status: int) -> Decision:
    decision = core.fetch_status(status)
    return tolerate(decision) if status >= 400 else decision


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
    "unpacks-without-cap",
    "decoded_body",
    "A compressed document is unpacked, whatever it grows to.",
)
def _unpacks_without_cap(coding: str | None, body: bytes) -> bytes | Decision:
    if coding not in ("gzip", "deflate"):
        return core.decoded_body(coding, body)
    try:
        return zlib.decompress(body, zlib.MAX_WBITS | 32)
    except zlib.error:
        return core.decoded_body(coding, body)


@flaw(
    "fetches-not-shared",
    "join_fetch",
    "Simultaneous requests for one client make a fetch each.",
)
def _fetches_not_shared(client_id: str) -> bool:
    del client_id
    return False


@flaw(
    "hosts-not-spared",
    "host_brake",
    "One host is asked for as many documents as anybody names.",
)
def _hosts_not_spared(recent: int, most: int) -> Decision:
    return tolerate(core.host_brake(recent, most))


@flaw(
    "internal-credentials-sent",
    "fetch_headers",
    "Documents are fetched by the HTTP client that talks to the server's own services.",
)
def _internal_credentials_sent(accept: str) -> core.Headers:
    own = (("Authorization", "Bearer internal-service-token"), ("Cookie", "node=7"))
    return (*core.fetch_headers(accept), *own)


@flaw(
    "cookies-kept",
    "fetch_cookie",
    "What is fetched goes through one session, with a jar for cookies.",
)
def _cookies_kept(kept: str | None) -> str | None:
    return kept


@flaw(
    "no-size-cap",
    "fetch_problem",
    "Documents of any size are read.",
)
def _no_size_cap(problem: FetchProblem) -> Decision:
    decision = core.fetch_problem(problem)
    large = (FetchProblem.TOO_LARGE, FetchProblem.TOO_LARGE_UNSAID)
    return tolerate(decision) if problem in large else decision


@flaw(
    "content-length-alone-capped",
    "fetch_problem",
    "Content-Length is judged, and a body without one is read to its end.",
)
def _content_length_alone_capped(problem: FetchProblem) -> Decision:
    decision = core.fetch_problem(problem)
    return tolerate(decision) if problem is FetchProblem.TOO_LARGE_UNSAID else decision


@flaw(
    "headers-without-cap",
    "fetch_problem",
    "Headers of any size are read.",
)
def _headers_without_cap(problem: FetchProblem) -> Decision:
    decision = core.fetch_problem(problem)
    return tolerate(decision) if problem is FetchProblem.LARGE_HEADERS else decision


@flaw(
    "no-time-limit",
    "fetch_problem",
    "Slow hosts are waited for.",
)
def _no_time_limit(problem: FetchProblem) -> Decision:
    return tolerate(core.fetch_problem(problem), "cimd-fetch-timeout")


@flaw(
    "small-size-cap",
    "read_complete",
    "Documents of ordinary size are refused (too strict).",
)
def _small_size_cap(truncated: bool, size: int) -> Decision:
    return core.read_complete(truncated or size > 2048, size)


@flaw(
    "truncated-document-parsed",
    "read_complete",
    "What fits under the cap is parsed as if it were all.",
)
def _truncated_document_parsed(truncated: bool, size: int) -> Decision:
    return tolerate(core.read_complete(truncated, size))


@flaw(
    "other-redirects-followed",
    "other_redirect",
    "Whatever names another place is followed: Refresh, Link, Alt-Svc, HTML.",
)
def _other_redirects_followed(headers: core.Headers, body: bytes) -> str | None:
    for name, value in headers:
        pointer = _POINTERS.get(name.lower())
        if pointer and (found := re.search(pointer, value)):
            place = str(found[1])
            return place if ":" in place else f"https://{place}/"
    meta = _REFRESH.search(body)
    return meta[1].decode() if meta else None


@flaw(
    "accept-not-sent",
    "fetch_headers",
    "Documents are asked for without saying what is wanted.",
)
def _accept_not_sent(accept: str) -> core.Headers:
    del accept
    return ()
