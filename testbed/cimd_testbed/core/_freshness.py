"""How long a fetched document may be reused: a subset of RFC 9111, with bounds."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from cimd_testbed.core._json import JsonObject

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CacheBounds:
    """The server's own limits on freshness, in seconds (CIMD-03 section 5.2).

    `default` is used where the response says nothing.
    """

    minimum: float = 0.0
    maximum: float = 86400.0
    default: float = 300.0


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def cache_directives(headers: Headers) -> dict[str, str]:
    """Return the Cache-Control directives; the first of repeated ones counts."""
    found: dict[str, str] = {}
    for item in ",".join(_values(headers, "cache-control")).split(","):
        name, _, value = item.strip().partition("=")
        if name:
            found.setdefault(name.lower(), value.strip().strip('"'))
    return found


def freshness(headers: Headers, bounds: CacheBounds) -> float:
    """Return for how many seconds a response stays fresh (RFC 9111 section 4.2).

    Zero for `no-store`, `no-cache`, `Vary: *` and for what cannot be understood; time
    spent in caches on the way (`Age`) counts.
    """
    directives = cache_directives(headers)
    vary = ",".join(_values(headers, "vary"))
    if {"no-store", "no-cache"} & directives.keys() or "*" in vary:
        return 0.0
    lifetime = _stated_lifetime(headers, directives)
    if lifetime is None:
        return min(max(bounds.default, bounds.minimum), bounds.maximum)
    remaining = lifetime - _age(headers)
    return min(max(remaining, bounds.minimum), bounds.maximum)


def _stated_lifetime(headers: Headers, directives: dict[str, str]) -> float | None:
    if "max-age" in directives:
        return _seconds(directives["max-age"])
    expires = _values(headers, "expires")
    dates = _values(headers, "date")
    if not expires:
        return None
    try:
        end = parsedate_to_datetime(expires[0]).timestamp()
        start = parsedate_to_datetime(dates[0]).timestamp()
    except (ValueError, IndexError, TypeError, OverflowError):
        return 0.0
    return end - start


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdigit()):
        return 0.0
    return float(text[:12])


def _age(headers: Headers) -> float:
    return sum(map(_seconds, _values(headers, "age")[:1]))


def cache_key(client_id: str) -> str:
    """Return under what a document is filed: the identifier, byte for byte.

    CIMD-03 section 3: other spellings are other clients.
    """
    return client_id


def still_fresh(stored_at: float, lifetime: float, now: float) -> bool:
    """Whether something stored may be used without asking again.

    RFC 9111 section 4.2.
    """
    return now - stored_at < lifetime


def failure_lifetime(clause: str) -> float:
    """Return for how long a failed fetch is remembered: not at all.

    CIMD-03 section 5.2.
    """
    del clause
    return 0.0


def invalid_document_lifetime(clause: str) -> float:
    """Return for how long an invalid document is remembered: not.

    CIMD-03 section 5.2.
    """
    del clause
    return 0.0


def stale_after_failure(clause: str, age: float) -> bool:
    """Whether an expired document is used when fetching fails: no.

    CIMD-03 section 5.1.

    A document that is gone is the only way to revoke a client.
    """
    del clause, age
    return False


def unknown_kid_refetch(fetched_at: float, now: float, brake: float) -> bool:
    """Whether an unknown `kid` makes the server ask for the keys again.

    Rotation has to work without waiting (CIMD-03 section 9.4.1), but a stranger who
    invents a `kid` per request must not make the server a fetcher.
    """
    return now - fetched_at >= brake


def keys_that_count(
    previous: tuple[JsonObject, ...], current: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    """Return the keys that a client has: those it publishes now, no earlier ones."""
    del previous
    return current
