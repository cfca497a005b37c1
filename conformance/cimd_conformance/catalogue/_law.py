"""The law: outside the lab nothing foreign is ever named to a target.

A scenario without lab powers contains only URLs of the testbed's own places and of
literal loopback. What follows a place must not change whose it is: not
`{client.origin}.example`, not `{client.origin}@example`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cimd_conformance.catalogue._placeholders import strings
from cimd_conformance.model import Scenario

LAB_POWERS = frozenset(
    {
        *("public-address", "dns-control", "canary", "tls-variants"),
        *("old-tls", "every-address"),
    }
)
_HINT = "Use {place.origin}, a loopback literal, or declare `needs`."

_AUTHORITY = r"([^/\\?#\s\"'<>]*)"
_URLS = (
    re.compile(rf"[a-z][a-z0-9+.-]*://{_AUTHORITY}", re.IGNORECASE),
    # Browsers and lenient parsers need neither two slashes nor forward ones.
    re.compile(rf"(?:https?|ftp|wss?):[/\\]*{_AUTHORITY}", re.IGNORECASE),
    re.compile(rf"^[/\\]{{2}}{_AUTHORITY}"),
)
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
_OWN = r"\{[a-z][a-z0-9-]*\.(?:host|address)\}"
_OWN_AUTHORITY = re.compile(rf"{_OWN}(:\d+)?(\{{[a-z][a-z0-9-]*\.path\}})?")
_CASE = re.compile(r"\{case\.[a-z0-9_-]+\}")
_PLACE = re.compile(
    r"\{(?:[a-z][a-z0-9-]*\.(?:host|origin|address)|issuer)\}"
    r"(?!\{[a-z][a-z0-9-]*\.path\}|(?::\d+)?(?:$|[/?#\s\"'<>,;)\]}*]))"
)


def law(
    scenario: Scenario, texts: list[tuple[list[str | int], Any]]
) -> Iterator[tuple[list[str | int], str, str]]:
    """Yield where a scenario without lab powers names what is not our own."""
    if LAB_POWERS & set(scenario.needs):
        return
    for number, place in enumerate(scenario.place):
        own = (place.address, place.answers, place.called, place.dns, place.tls)
        if any(own):
            powers = ", ".join(sorted(LAB_POWERS))
            what = "A place with an address or answers needs a power of the lab."
            yield ["place", number], what, f"allowed in `needs`: {powers}"
    for where, value in texts:
        for text in strings(value):
            if _foreign(text):
                what = f"{text!r} names a host that is not the testbed's own."
                yield where, what, _HINT


def _foreign(text: str) -> bool:
    """Whether a text can name a host other than a place of ours or loopback."""
    forms = [text, *_unhexed(text)]
    return any(
        _PLACE.search(form)
        or any(
            not _is_own(authority)
            for pattern in _URLS
            for authority in pattern.findall(form)
        )
        for form in forms
    )


def _is_own(authority: str) -> bool:
    host = authority.rpartition("@")[2]
    if _CASE.search(host):
        return True  # judged again with the values of each row
    return bool(_LOOPBACK.fullmatch(host) or _OWN_AUTHORITY.fullmatch(host))


def _unhexed(text: str) -> list[str]:
    """Return what hexadecimal bytes say, as `op = "bytes"` would send them."""
    try:
        return [bytes.fromhex(text).decode("latin-1")]
    except ValueError:
        return []
