"""Whose a contact is: by address, by name, by path; and what counts as one."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest

from cimd_conformance.evidence import Evidence
from cimd_conformance.model import AnyEvent, ContactSeen
from cimd_testbed.net import Contact, Depth

A, B = "as/one", "as/two"
ONE = ipaddress.ip_address("93.184.216.10")
TWO = ipaddress.ip_address("93.184.216.11")
INWARD = ipaddress.ip_address("10.1.2.3")


class Log:
    """Evidence with its events."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.evidence = Evidence(self.events.append, lambda: 1.5)

    def contact(
        self,
        depth: Depth,
        address: IPv4Address | IPv6Address | None = None,
        *,
        name: str | None = None,
        target: str | None = None,
        label: str | None = None,
        port: int | None = 443,
    ) -> None:
        self.evidence.on_contact(
            Contact(0.0, depth, address, port, name, target, label)
        )

    def touched(self, scenario: str, place: str) -> int:
        return len(self.evidence.touched(scenario, place))


@pytest.fixture
def log() -> Log:
    log = Log()
    log.evidence.claim(A, "client", host="client-1.net", address=ONE, prefix="/i1")
    log.evidence.claim(A, "inward", host="inward-1.net", address=INWARD, prefix="/i1")
    log.evidence.claim(B, "client", host="client-2.net", address=TWO, prefix="/i2")
    return log


def test_a_syn_is_attributed_by_its_address(log: Log) -> None:
    log.contact(Depth.TCP, INWARD)
    assert log.touched(A, "inward") == 1
    assert log.touched(A, "client") == log.touched(B, "client") == 0
    (event,) = log.events
    assert isinstance(event, ContactSeen)
    assert (event.scenario, event.place, event.depth) == (A, "inward", "tcp")
    assert event.at == 1.5


@pytest.mark.parametrize("name", ["inward-1.net", "INWARD-1.NET"])
def test_a_dns_query_is_evidence_and_touches_nobody(log: Log, name: str) -> None:
    log.contact(Depth.DNS, name=name)
    assert len(log.events) == 1
    assert log.touched(A, "inward") == 0


@pytest.mark.parametrize(
    "depth", [Depth.TCP, Depth.CLIENT_HELLO, Depth.TLS, Depth.HTTP]
)
def test_everything_from_tcp_on_touches(log: Log, depth: Depth) -> None:
    log.contact(depth, INWARD)
    assert log.touched(A, "inward") == 1


def test_our_own_parties_are_no_evidence(log: Log) -> None:
    log.contact(Depth.HTTP, ONE, label=A)
    assert not log.events
    assert log.touched(A, "client") == 0


def test_what_nobody_claimed_is_nobody_s(log: Log) -> None:
    log.contact(Depth.TCP, ipaddress.ip_address("203.0.113.9"))
    log.contact(Depth.DNS, name="elsewhere.example")
    assert not log.events


def test_a_name_at_another_address_is_not_the_place_itself(log: Log) -> None:
    """In a rebinding the public answer may be dialled, the inward one may not."""
    public = ipaddress.ip_address("93.184.216.254")
    log.contact(Depth.CLIENT_HELLO, public, name="inward-1.net")
    assert log.touched(A, "inward") == 0
    assert log.touched(A, "inward (at another address)") == 1


def test_the_path_decides_where_no_name_does(log: Log) -> None:
    unclaimed = ipaddress.ip_address("127.0.0.1")
    log.contact(Depth.HTTP, unclaimed, name="127.0.0.1", target="/i2/client.json")
    assert log.touched(B, "client") == 1
    log.contact(Depth.HTTP, unclaimed, name="127.0.0.1", target="/i22/client.json")
    assert log.touched(B, "client") == 1


def test_an_address_passes_on_with_its_lease(log: Log) -> None:
    log.evidence.release(A)
    log.contact(Depth.TCP, INWARD)
    assert log.touched(A, "inward") == 0
    log.evidence.claim(B, "metadata", address=INWARD)
    log.contact(Depth.TCP, INWARD)
    assert log.touched(B, "metadata") == 1
    assert log.touched(A, "inward") == 0


def test_navigation_of_the_browser_counts_as_reached(log: Log) -> None:
    log.evidence.navigated(A, "evil", 5, "https://evil/")
    assert log.touched(A, "evil") == 1


def test_places_are_found_by_host_within_a_scenario(log: Log) -> None:
    assert log.evidence.place_of(A, "Inward-1.net") == "inward"
    assert log.evidence.place_of(B, "inward-1.net") is None
    assert log.evidence.place_of(A, "elsewhere.example") is None


def test_on_loopback_scenarios_share_hosts_and_are_told_apart_by_path() -> None:
    log = Log()
    here = ipaddress.ip_address("127.0.0.1")
    for scenario, prefix in ((A, "/i1"), (B, "/i2")):
        log.evidence.claim(scenario, "client", host="localhost:1", prefix=prefix)
        log.evidence.claim(scenario, "evil", host="localhost:2", prefix=prefix)
    log.contact(Depth.HTTP, here, name="localhost:2", target="/i1/x", port=2)
    assert (log.touched(A, "evil"), log.touched(B, "evil")) == (1, 0)
    log.contact(Depth.HTTP, here, name="localhost:1", target="/i2/client.json", port=1)
    assert (log.touched(A, "client"), log.touched(B, "client")) == (0, 1)
    log.contact(Depth.TLS, here, name="localhost", port=2)
    log.contact(Depth.HTTP, here, name="localhost:2", target="/", port=2)
    assert len(log.events) == 2
    assert log.evidence.place_of(A, "localhost:2") == "evil"
    assert log.evidence.place_of(B, "localhost:2") == "evil"


def test_a_request_target_shows_no_secret(log: Log) -> None:
    log.contact(Depth.HTTP, ONE, name="client-1.net", target="/i1/cb?code=abcdef123")
    (event,) = log.events
    assert isinstance(event, ContactSeen)
    assert event.target == "/i1/cb?code=‹code-1›"


def test_beside_another_place_the_name_tells(log: Log) -> None:
    log.evidence.claim(
        A, "neighbour", host="other-1.net", address=INWARD, prefix="/i1", beside=True
    )
    log.contact(Depth.TCP, INWARD)
    log.contact(Depth.TLS, INWARD, name="other-1.net")
    log.contact(Depth.HTTP, INWARD, name="inward-1.net")
    assert (log.touched(A, "inward"), log.touched(A, "neighbour")) == (2, 1)
    assert log.evidence.asked(A, "neighbour") == []
    log.contact(Depth.HTTP, INWARD, name="other-1.net")
    assert len(log.evidence.asked(A, "neighbour")) == 1


def test_a_request_to_a_name_counts_at_any_of_its_addresses(log: Log) -> None:
    log.contact(Depth.HTTP, TWO, name="inward-1.net", target="/i1/client.json")
    log.contact(Depth.HTTP, ONE, name="inward-1.net", target="/i1/client.json")
    log.contact(Depth.TLS, INWARD, name="inward-1.net")
    assert len(log.evidence.asked_anywhere(A, "inward")) == 0
    elsewhere = ipaddress.ip_address("93.184.216.254")
    log.contact(Depth.HTTP, elsewhere, name="inward-1.net", target="/i1/client.json")
    assert len(log.evidence.asked_anywhere(A, "inward")) == 1
    assert log.evidence.asked(A, "inward") == [], "the handshake at its own address"
    log.contact(Depth.HTTP, INWARD, name="inward-1.net", target="/i1/client.json")
    assert len(log.evidence.asked(A, "inward")) == 1
    assert len(log.evidence.asked_anywhere(A, "inward")) == 2


@pytest.mark.parametrize("home", ["127.0.0.1", "::1"])
def test_a_target_talks_to_itself_on_other_ports(log: Log, home: str) -> None:
    address = ipaddress.ip_address(home)
    log.evidence.claim(B, "inward", address=address)
    log.contact(Depth.TCP, address, port=5432)
    log.contact(Depth.TCP, address, port=53)
    assert log.touched(B, "inward") == 0
    log.contact(Depth.TCP, address, port=443)
    log.contact(Depth.TCP, address, port=80)
    assert log.touched(B, "inward") == 2


def test_a_zone_id_only_names_the_interface(log: Log) -> None:
    log.evidence.claim(B, "inward", address=ipaddress.ip_address("fe80::9%lo"))
    log.contact(Depth.TCP, ipaddress.ip_address("fe80::9"))
    assert log.touched(B, "inward") == 1
