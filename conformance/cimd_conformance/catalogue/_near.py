"""Near misses of an identifier: one table for all identifiers that are compared.

`client_id`, `redirect_uri`, `iss` and `aud` are compared as strings (RFC 3986 section
6.2.1). A row turns an identifier into one that a careless comparison takes for it; no
row leads to another host, so each may be named to a target anywhere.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cimd_conformance.model import Near, Scenario
from cimd_testbed.core import split_url

_NUMBERS = re.compile(r"[0-9.]+")


class Kind(enum.Enum):
    """In what way a near miss is near."""

    SPELLING = "spelling"
    """Normalising makes it the same."""
    OTHER = "other"
    """It contains the identifier, is contained in it, or shares most of it."""
    SHAPE = "shape"
    """It is no string."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """One row of the table."""

    name: str
    kind: Kind
    title: str
    of: Callable[[str], Any]


_ROWS: list[NearMiss] = []


def _row(
    name: str, kind: Kind, title: str
) -> Callable[[Callable[[str], Any]], Callable[[str], Any]]:
    def register(function: Callable[[str], Any]) -> Callable[[str], Any]:
        _ROWS.append(NearMiss(name, kind, title, function))
        return function

    return register


def _end(url: str) -> tuple[str, str]:
    """Return a URL in two parts: up to the path, and from the query on."""
    cut = re.search(r"[?#]", url)
    return (url, "") if cut is None else (url[: cut.start()], url[cut.start() :])


def _with_path(url: str) -> str:
    """Return the URL; without a path the row would be about another host.

    Raises `ValueError` there: the scenario has to leave the row out.
    """
    if split_url(url).path in ("", "/"):
        raise ValueError(f"{url} has no path to change.")
    return url


@_row("trailing-slash", Kind.SPELLING, "a slash at the end more, or less")
def _trailing_slash(url: str) -> str:
    path, rest = _end(url)
    return (path.removesuffix("/") if path.endswith("/") else f"{path}/") + rest


@_row("upper-case-scheme", Kind.SPELLING, "the scheme in upper case")
def _upper_case_scheme(url: str) -> str:
    scheme, colon, rest = url.partition(":")
    return scheme.upper() + colon + rest


@_row("host-spelling", Kind.SPELLING, "the host in upper case, a number in hex")
def _host_spelling(url: str) -> str:
    parts = split_url(url)
    host = parts.host or ""
    if _NUMBERS.fullmatch(host):
        first, dot, rest = host.partition(".")
        other = f"{int(first):#x}{dot}{rest}"
    else:
        other = host.upper()
    return url.replace(f"//{host}", f"//{other}", 1)


@_row("port-spelling", Kind.SPELLING, "the default port stated, or a zero before it")
def _port_spelling(url: str) -> str:
    origin = split_url(url).origin
    host, colon, port = origin.rpartition(":")
    if port.isdecimal():
        return url.replace(origin, f"{host}{colon}0{port}", 1)
    default = "443" if host == "https" else "80"
    return url.replace(origin, f"{origin}:{default}", 1)


@_row("percent-encoded-letter", Kind.SPELLING, "the last letter of the path encoded")
def _percent_encoded_letter(url: str) -> str:
    path, rest = _end(_with_path(url))
    return f"{path[:-1]}%{ord(path[-1]):02X}{rest}"


@_row("dot-segments", Kind.SPELLING, "a path that goes down and up again")
def _dot_segments(url: str) -> str:
    path, rest = _end(_with_path(url))
    before, _, last = path.rpartition("/")
    return f"{before}/x/../{last}{rest}"


@_row("empty-query", Kind.SPELLING, "a question mark at the end")
def _empty_query(url: str) -> str:
    return f"{url}?"


@_row("space", Kind.SPELLING, "a space at the end")
def _space(url: str) -> str:
    return f"{url} "


@_row("longer-path", Kind.OTHER, "a further path segment")
def _longer_path(url: str) -> str:
    path, rest = _end(url)
    return f"{path.removesuffix('/')}/extra{rest}"


@_row("longer-name", Kind.OTHER, "the last path segment goes on")
def _longer_name(url: str) -> str:
    path, rest = _end(_with_path(url))
    return f"{path}-other{rest}"


@_row("added-query", Kind.OTHER, "a query parameter more")
def _added_query(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}next=1"


@_row("fragment", Kind.OTHER, "a fragment")
def _fragment(url: str) -> str:
    return f"{url}#fragment"


@_row("shorter-name", Kind.OTHER, "the last letter is missing")
def _shorter_name(url: str) -> str:
    return _with_path(url)[:-1]


@_row("parent-path", Kind.OTHER, "the last path segment is missing")
def _parent_path(url: str) -> str:
    path, _ = _end(_with_path(url))
    return path.rstrip("/").rpartition("/")[0]


@_row("upper-case-path", Kind.OTHER, "the path in upper case, which means another")
def _upper_case_path(url: str) -> str:
    origin = split_url(_with_path(url)).origin
    return origin + url[len(origin) :].upper()


@_row("other-port", Kind.OTHER, "another port")
def _other_port(url: str) -> str:
    origin = split_url(url).origin
    return url.replace(origin, re.sub(r":[0-9]+$", "", origin) + ":8443", 1)


@_row("user-name", Kind.OTHER, "a user name before the host")
def _user_name(url: str) -> str:
    return url.replace("//", "//user@", 1)


@_row("other-scheme", Kind.OTHER, "plain http for https, or the other way round")
def _other_scheme(url: str) -> str:
    scheme, colon, rest = url.partition(":")
    return ("http" if scheme.lower() == "https" else "https") + colon + rest


@_row("array", Kind.SHAPE, "an array that holds it")
def _array(url: str) -> list[str]:
    return [url]


@_row("object", Kind.SHAPE, "an object whose only key it is")
def _object(url: str) -> dict[str, bool]:
    return {url: True}


NEAR_MISSES: Mapping[str, NearMiss] = MappingProxyType({row.name: row for row in _ROWS})
"""Every row by its name."""


def rows_of(scenario: Scenario) -> list[dict[str, Any]]:
    """Return the rows of a family: near misses first, then its own."""
    near = scenario.near
    return [*(_cases(near) if near else ()), *scenario.case]


def _cases(near: Near) -> Iterator[dict[str, Any]]:
    for row in NEAR_MISSES.values():
        if near.kind in ("", row.kind.value) and row.name not in near.leave_out:
            yield {"name": row.name, "value": f"{{{near.of}~{row.name}}}"}
