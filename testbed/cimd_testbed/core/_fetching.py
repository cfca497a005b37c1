"""Rules for fetching what a client names (CIMD-03 sections 5 and 9.6 to 9.8)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from cimd_testbed.core._addresses import IPAddress
from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._url import split_url

Headers = tuple[tuple[str, str], ...]

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def fetch_for_visitor(logged_in: bool) -> bool:
    """Whether to fetch for this visitor: only for one who has logged in (SEP-991)."""
    return logged_in


def fetch_url(url: str) -> Decision:
    """Fetch https URLs only (CIMD-03 section 9.6)."""
    clause = "cimd-uri-scheme-allowlist"
    if (split_url(url).scheme or "").lower() != "https":
        return refuse(clause, "Only https URLs are fetched.")
    return accept(clause)


def judged_before_dialling(host: str) -> bool:
    """Whether a refusal counts before a connection is made: always.

    CIMD-03 section 9.6. A connection that is only closed again has scanned a port.
    """
    del host
    return True


def judged_anew(times: int) -> bool:
    """Whether a host that was judged `times` before is judged again: always.

    What a name resolves to may have changed since (DNS rebinding).
    """
    del times
    return True


def connection_key(host: str, address: str, port: int) -> str | None:
    """Return the key under which a connection is kept for later: none is.

    A certificate was verified for one name; another name at the same address needs a
    connection of its own (RFC 9110 section 4.3.3).
    """
    del host, address, port
    return None


def also_fetched(member: str, url: str, client_id: str) -> Onward | None:
    """Return what else to fetch of what a client names: nothing.

    Only `jwks_uri` and `logo_uri` are needed (CIMD-03 sections 9.6 and 10.2). `member`
    is where the URL stands, in the document or in the header of a client assertion.
    """
    del member, url, client_id
    return None


def addresses_to_dial(
    host: str, judged: tuple[IPAddress, ...]
) -> tuple[IPAddress, ...] | str:
    """Return what to connect to: the addresses that were judged (CIMD-03 section 9.6).

    To return the host name instead would have it resolved a second time, as every HTTP
    library does; the second answer need not be the first (DNS rebinding).
    """
    del host
    return judged


def environment_proxy(proxy: str | None) -> str | None:
    """Return the proxy through which clients' URLs are fetched: none at all.

    A proxy resolves and connects by itself. Whoever takes the one of the environment
    and judges the connection has judged the way to the proxy (CIMD-03 section 9.6 asks
    for the address that the URL leads to).
    """
    del proxy
    return None


class TlsProblem(enum.StrEnum):
    """Why a TLS handshake is not good enough."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    OTHER_NAME = "other-name"
    UNKNOWN_ISSUER = "unknown-issuer"
    """No chain leads to a CA that is trusted; self-signed is a case of it."""
    UNFIT = "unfit"
    """The certificate is for another use, or was issued by what is no CA."""
    OTHER = "other"
    """Anything else about the certificate."""
    NO_AGREEMENT = "no-agreement"
    """The host broke the handshake off: it may speak nothing newer than TLS 1.1."""


def tls_problem(problem: TlsProblem) -> Decision:
    """Do without the answer of a host whose TLS is not in order.

    RFC 9110 section 4.3.4, BCP 195. To try again without verification, or with an
    older version, is to do without TLS wherever somebody stands in between.
    """
    if problem is TlsProblem.NO_AGREEMENT:
        return refuse("cimd-fetch-tls-version", "The host speaks no TLS that we do.")
    return refuse("cimd-fetch-tls-validation", "The host's certificate is not valid.")


class FetchProblem(enum.StrEnum):
    """What a fetch ran into, where going on without that limit would do."""

    TOO_SLOW = "too-slow"
    TOO_LARGE = "too-large"
    """The body goes on after the cap, as its Content-Length had said."""
    TOO_LARGE_UNSAID = "too-large-unsaid"
    """The body goes on after the cap, and has no Content-Length."""
    LARGE_HEADERS = "large-headers"


def fetch_problem(problem: FetchProblem) -> Decision:
    """Do without what a limit has stopped: no second try without it.

    CIMD-03 section 9.7, SEP-991.
    """
    if problem is FetchProblem.TOO_SLOW:
        return refuse("cimd-fetch-timeout", "The host took too long.")
    return refuse("cimd-fetch-size-limit", "The answer is too large.")


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a redirect leads; `judged` is whether the guard applies there too."""

    url: str
    judged: bool = True


def follow_redirect(url: str, status: int, location: str | None) -> Onward | None:
    """Return where to go on from a response: nowhere (CIMD-03 section 5)."""
    del url, status, location
    return None


def other_redirect(headers: Headers, body: bytes) -> str | None:
    """Return where a response leads that is no redirect: nowhere (CIMD-03 section 5).

    `Refresh`, `Content-Location`, `Link`, `Alt-Svc` and HTML may name another place;
    the document is the body that came from the client's own URL.
    """
    del headers, body
    return None


def fetch_status(status: int) -> Decision:
    """Check that a response with a status other than 200 is an error.

    CIMD-03 section 5. A redirect is refused for itself: it says nothing about whether
    there is a document.
    """
    clause = "cimd-fetch-status-200-only"
    if status in (301, 302, 303, 307, 308):
        clause = "cimd-fetch-no-redirects"
    if status != 200:
        return refuse(clause, "The client's document could not be fetched.")
    return accept(clause)


def media_type(content_type: str | None) -> str:
    """Return type and subtype in lower case, without parameters."""
    return (content_type or "").partition(";")[0].strip().lower()


def content_type(value: str | None) -> Decision:
    """Take `application/json` or a `+json` type of application (CIMD-03 section 4).

    Parameters are ignored. HTML or text is refused, so that a page that users may
    upload to does not become a client.
    """
    kind = media_type(value)
    if kind == "application/json":
        return accept("cimd-fetch-content-type-json")
    if kind.startswith("application/") and kind.endswith("+json"):
        return accept("cimd-fetch-content-type-json")
    return refuse("cimd-fetch-content-type-html", "The document is not labelled JSON.")


def decoded_body(coding: str | None, body: bytes) -> bytes | Decision:
    """Take the body as it is, and no content coding: none was asked for.

    What unpacks itself would have to be capped twice (CIMD-03 section 9.7).
    """
    if (coding or "identity").strip().lower() == "identity":
        return body
    return refuse("cimd-fetch-compression-bomb", "The document is compressed.")


def join_fetch(client_id: str) -> bool:
    """Whether to wait for a fetch of the same URL that is under way: yes.

    Otherwise whoever asks many times makes the server ask many times (SEP-991).
    """
    del client_id
    return True


def host_brake(recent: int, most: int) -> Decision:
    """Fetch so many documents of one host in a minute, and no more (SEP-991).

    `recent` are the fetches of the last minute. Other hosts are not concerned.
    """
    clause = "cimd-fetch-rate-limit"
    if recent >= most:
        return refuse(clause, "Too many documents of this host are asked for.")
    return accept(clause)


def failure_status(clause: str) -> int:
    """Return the status of the page about a failed fetch: one for all failures.

    It is the client's fault, not the server's, so no 500 either.
    """
    del clause
    return 400


def failure_at_token(clause: str) -> str:
    """Return the error code for a failed fetch where a program asked.

    Nothing else says that a client is not known (RFC 6749 section 5.2).
    """
    del clause
    return "invalid_client"


def fetch_headers(accept: str) -> Headers:
    """Return the headers of a fetch besides `Host`: what is wanted, and nothing else.

    No cookie, no credentials, nothing of the request that made us ask (SEP-991).
    """
    return (("Accept", accept),)


def read_complete(truncated: bool, size: int) -> Decision:
    """Check that what did not fit under the cap is an error, not a prefix to parse.

    `size` is how many bytes were read: anything under the cap will do.
    """
    del size
    clause = "cimd-fetch-size-limit"
    if truncated:
        return refuse(clause, "The document is too large.")
    return accept(clause)


def fetch_cookie(kept: str | None) -> str | None:
    """Return the cookie that a host is sent which has set one: none.

    A fetch carries nothing from one request to the next (RFC 8725bis section 3.10): the
    host could tell which of them belong together.
    """
    del kept
    return None


def failure_text(reason: str, response: bytes) -> str:
    """Return what the visitor reads about a failed fetch: nothing from the network.

    Different words for closed ports, refusals and status codes would make the server a
    port scanner, a quoted body a proxy.
    """
    del reason, response
    return "The metadata document of this client could not be used."


def logo_content(body: bytes, truncated: bool) -> Decision:
    """Only small pictures that cannot run anything (CIMD-03 section 9.8)."""
    clause = "cimd-consent-logo-safety"
    if truncated or image_type(body) is None:
        return refuse(clause, "The logo is not a small PNG, JPEG or GIF.")
    return accept(clause)


def image_type(body: bytes) -> str | None:
    """Return the media type that the first bytes show, None for any other content."""
    kinds = (kind for magic, kind in _IMAGES.items() if body.startswith(magic))
    return next(kinds, None)
