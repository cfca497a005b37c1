"""What a place's name resolves to: fixed, changing, by detours, or not at all."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from itertools import pairwise

from cimd_conformance.model import DnsFault, Place, Turn
from cimd_testbed.net import NOWHERE, OTHER_PUBLIC, Fault, IPAddress, Zone

_WORDS: dict[str, IPAddress] = {
    "public": OTHER_PUBLIC[4],
    "public-v6": OTHER_PUBLIC[6],
    "nowhere": NOWHERE[4],
    "nowhere-v6": NOWHERE[6],
}
_SLOW_SECONDS = 1.0
_IN_THE_ZONE = {
    DnsFault.SERVER_FAILURE: Fault.SERVER_FAILURE,
    DnsFault.SILENT: Fault.SILENT,
    DnsFault.TRUNCATED: Fault.TRUNCATED,
}


def point(
    zone: Zone, host: str, own: IPAddress, place: Place, fetched: Callable[[], int]
) -> None:
    """Give a host the addresses that its place says; `own` is the one it leased.

    `fetched` counts what the target has requested there so far.
    """
    assert isinstance(place.answers, list), "the rows of families are filled in"
    fault = DnsFault(place.dns) if place.dns else None
    if fault is DnsFault.NO_SUCH_NAME:
        return
    if fault is DnsFault.CIRCLE:
        zone.alias(host, host)
        return
    if fault is DnsFault.SLOW:
        zone.delay(host, _SLOW_SECONDS)
    if fault in _IN_THE_ZONE:
        zone.fail(host, _IN_THE_ZONE[fault])
    answers = [
        [own if text == "address" else _address(text) for text in answer]
        for answer in place.answers or [["address"]]
    ]
    if fault is DnsFault.NO_ADDRESS:
        answers = [[]]
    last = len(answers) - 1
    zone.script(
        _canonical(zone, host, int(place.aliases)),
        (lambda _asked: answers[min(fetched(), last)])
        if place.turn == Turn.FETCH
        else (lambda asked: answers[min(asked, last)]),
    )


def _address(text: str) -> IPAddress:
    return _WORDS.get(text) or ipaddress.ip_address(text)


def _canonical(zone: Zone, host: str, aliases: int) -> str:
    """Make a chain of CNAMEs from the host; return its end."""
    chain = [host, *(f"cname{number}-{host}" for number in range(1, aliases + 1))]
    for alias, after in pairwise(chain):
        zone.alias(alias, after)
    return chain[-1]
