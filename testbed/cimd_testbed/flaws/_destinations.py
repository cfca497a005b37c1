"""Flaws in reading URLs: two parsers where there should be one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from urllib.parse import unquote

from cimd_testbed import core
from cimd_testbed.core import Decision, Destination
from cimd_testbed.flaws._flaw import authorization_server as flaw

_NAIVE_HOST = re.compile(r"[a-z]+://(\[[^\]]*\]|[^/:@?#\\]*)", re.IGNORECASE)
_OLD_AUTHORITY = re.compile(r"[a-z]+://([^/]*)", re.IGNORECASE)
_BROWSER_AUTHORITY = re.compile(r"[a-z]+:[/\\]*([^/\\?#]*)", re.IGNORECASE)
_HOST_END = re.compile(r"[\x00/?#\\]")
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")


@flaw(
    "guard-reads-hosts-carelessly",
    "destination",
    "The guard takes what stands before the first : or @ for the host, the fetcher "
    "what stands after the last @.",
)
def _guard_reads_hosts_carelessly(url: str) -> Destination | Decision:
    return _read_twice(url, _cut(_NAIVE_HOST, url), _cut(_OLD_AUTHORITY, url))


@flaw(
    "fetcher-reads-as-browsers-do",
    "destination",
    "The guard cuts URLs as RFC 3986 says, the fetcher as browsers do: without tabs "
    "and line ends, and with \\\\ for a slash.",
)
def _fetcher_reads_as_browsers_do(url: str) -> Destination | Decision:
    cleaned = re.sub(r"[\t\r\n]", "", url.strip())
    return _read_twice(url, core.split_url(url).host, _cut(_BROWSER_AUTHORITY, cleaned))


@flaw(
    "hosts-decoded-after-the-guard",
    "destination",
    "Hosts are decoded and normalised after the guard has looked at them.",
)
def _hosts_decoded_after_the_guard(url: str) -> Destination | Decision:
    host = unicodedata.normalize("NFKC", unquote(core.split_url(url).host))
    decoded = _HOST_END.split(host.translate(_DOTS).rpartition("@")[2])[0]
    return _read_twice(url, core.split_url(url).host, decoded)


@flaw(
    "ports-hide-hosts",
    "destination",
    "A host with a port is not recognised as an address, and is not judged.",
)
def _ports_hide_hosts(url: str) -> Destination | Decision:
    where = core.destination(url)
    if isinstance(where, Destination) and core.split_url(url).port_text:
        return replace(where, judged="")
    return where


@flaw(
    "paths-normalised",
    "destination",
    "Paths are normalised before they are asked for.",
)
def _paths_normalised(url: str) -> Destination | Decision:
    where = core.destination(url)
    if not isinstance(where, Destination):
        return where
    path, mark, query = unquote(where.target).partition("?")
    cleaned = re.sub(r";[^/]*", "", re.sub("//+", "/", path)).rstrip("/")
    return replace(where, target=f"{cleaned or '/'}{mark}{query}")


def _cut(pattern: re.Pattern[str], url: str) -> str:
    """Return the host of what a pattern takes for the authority."""
    found = pattern.match(url)
    hostport = found[1].rpartition("@")[2] if found else ""
    return hostport if hostport.startswith("[") else hostport.partition(":")[0]


def _read_twice(url: str, judged: str, host: str) -> Destination | Decision:
    """Return where two readings lead; a guard that reads no host looks at nobody."""
    honest = core.destination(url)
    if not host or (isinstance(honest, Destination) and honest.host == host == judged):
        return honest
    plain = isinstance(core.destination(f"https://{judged}/"), Destination)
    port = honest.port if isinstance(honest, Destination) else 443
    target = core.split_url(url).target
    return Destination(host, port, judged if plain else "", target)
