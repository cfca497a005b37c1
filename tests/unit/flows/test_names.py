"""What a place says about its name, and what the name then resolves to."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from cimd_conformance.flows._names import point
from cimd_conformance.model import Place
from cimd_testbed.net import ContactLog, Fault, Zone

HOST = "inward-1.example"
OWN = ipaddress.ip_address("10.0.0.7")


class Names:
    """A zone in which one place has been pointed."""

    def __init__(self, **fields: Any) -> None:
        self.zone = Zone(ContactLog())
        self.fetched = 0
        place = Place("inward", address="10.0.0.0/8", **fields)
        point(self.zone, HOST, OWN, place, lambda: self.fetched)

    def ask(self, version: int = 4) -> list[str] | None:
        """Ask once; None when there is no such name."""
        found = self.zone.lookup(HOST, version)
        return None if found is None else [str(address) for address in found]


async def test_without_answers_the_name_has_the_leased_address() -> None:
    names = Names()
    assert [names.ask(), names.ask(), names.ask(6)] == [["10.0.0.7"], ["10.0.0.7"], []]


async def test_each_query_brings_the_next_answer_and_the_last_stays() -> None:
    names = Names(answers=[["public"], ["address", "nowhere"]])
    assert names.ask() == ["93.184.216.254"]
    for _ in range(2):
        assert names.ask() == ["10.0.0.7", "93.184.216.253"]


async def test_families_are_counted_each_for_itself() -> None:
    names = Names(answers=[["public", "public-v6"], ["address", "fd00::1"]])
    assert [names.ask(4), names.ask(6), names.ask(6), names.ask(4)] == [
        ["93.184.216.254"],
        ["2606:2800:220:1::fe"],
        ["fd00::1"],
        ["10.0.0.7"],
    ]


async def test_a_turn_can_wait_for_a_fetch() -> None:
    names = Names(answers=[["public"], ["address"]], turn="fetch")
    assert names.ask() == names.ask() == ["93.184.216.254"]
    names.fetched = 3
    assert names.ask() == ["10.0.0.7"]


async def test_aliases_lead_to_the_answers() -> None:
    names = Names(aliases=3)
    assert names.ask() == ["10.0.0.7"]
    assert len(names.zone.chain(HOST)) == 4


async def test_names_that_do_not_resolve() -> None:
    assert Names(dns="no-such-name").ask() is None
    assert Names(dns="circle").ask() is None
    assert Names(dns="no-address").ask() == []


async def test_a_slow_name_has_its_addresses() -> None:
    names = Names(dns="slow")
    assert names.zone.seconds_for(HOST) == 1.0
    assert names.ask() == ["10.0.0.7"]


@pytest.mark.parametrize("dns", ["server-failure", "silent", "truncated"])
async def test_faults_are_the_zone_s(dns: str) -> None:
    names = Names(dns=dns)
    assert names.zone.fault_of(HOST.upper()) is Fault(dns)
    assert names.ask() == ["10.0.0.7"]
