"""Where a URL leads: one strict reading, which the guard and the fetcher share.

Two parsers that read one URL differently are a hole in every guard: one says whose
addresses are judged, the other who is connected to. So what could be read in two ways
is refused before anybody looks it up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._url import split_url

_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-._]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\]")
_PORTS = {"http": 80}


@dataclass(frozen=True, slots=True)
class Destination:
    """What a URL means: who is connected to, whose addresses are judged, what is asked.

    `judged` is the same as `host`, unless somebody reads the URL twice; '' is nobody.
    `target` is the request target, byte for byte.
    """

    host: str
    port: int
    judged: str
    target: str


def url_characters(url: str) -> Decision:
    """Allow only the characters of a URI (RFC 3986 section 2)."""
    clause = "cimd-client-id-whitespace-control"
    if not _CHARACTERS.fullmatch(url):
        return refuse(clause, "The URL has characters that no URL may have.")
    return accept(clause)


def url_host(url: str) -> Decision:
    """Check that the host is a plain name or address: not encoded, without a zone."""
    clause = "cimd-ssrf-ip-literal-encodings"
    if not _HOST.fullmatch(split_url(url).host):
        return refuse(clause, "The URL has no usable host.")
    return accept(clause)


def url_port(url: str) -> Decision:
    """Allow a port, when it is one (CIMD-03 section 3)."""
    clause = "cimd-client-id-port-allowed"
    try:
        port = split_url(url).port
    except ValueError:
        port = 0
    if port == 0:
        return refuse(clause, "The port of the URL is not a port number.")
    return accept(clause)


def destination(url: str) -> Destination | Decision:
    """Return where a URL leads, or why that cannot be said (CIMD-03 section 9.6)."""
    for rule in (url_characters, url_host, url_port):
        decision = rule(url)
        if decision.refused:
            return decision
    parts = split_url(url)
    port = parts.port or _PORTS.get((parts.scheme or "").lower(), 443)
    return Destination(parts.host, port, parts.host, parts.target)
