"""Every block of the IANA special-purpose registries has a scenario, of the right kind.

The rows are transcribed here a second time, so that the table of the reference and the
scenarios are not compared with themselves alone.
"""

from __future__ import annotations

import ipaddress

import pytest

from cimd_conformance.catalogue import Instance, load_catalogue, load_profile
from cimd_conformance.model import Level, Role
from cimd_testbed.core import judge_address
from cimd_testbed.net import LAB_RANGES, UNDIALLED_RANGES

NOT_REACHABLE = (
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
    *("169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29"),
    *("192.0.0.8/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24"),
    *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("240.0.0.0/4", "255.255.255.255/32", "::1/128", "::/128", "::ffff:0:0/96"),
    *("64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:2::/48"),
    *("2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
)
NOT_SAID = ("2001::/32", "2001:10::/28", "2002::/16")
"""Teredo, ORCHID and 6to4: the column has no answer, RFC 6890 lists them."""
REACHABLE = (
    *("192.0.0.9/32", "192.0.0.10/32", "192.31.196.0/24", "192.52.193.0/24"),
    *("192.88.99.0/24", "192.88.99.2/32", "192.175.48.0/24", "64:ff9b::/96"),
    *("2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32"),
    *("2001:4:112::/48", "2001:20::/28", "2001:30::/28", "2620:4f:8000::/48"),
)
"""What the registries mark as reachable, and the deprecated 6to4 relays."""
ELSEWHERE = ("224.0.0.0/4", "ff00::/8", "::/96", "::ffff:0:0:0/96", "fec0::/10")
"""Multicast, and what stacks still route; from other registries, or from none."""
MAY = "cimd-ssrf-globally-reachable"


def _covers(block: str, instance: Instance) -> bool:
    """Whether a place of the instance is an address of the block."""
    network = ipaddress.ip_network(block)
    for place in instance.scenario.place:
        if place.address is None:
            continue
        own = ipaddress.ip_network(place.address)
        if own.version == network.version and own.subnet_of(network):
            return True
    return False


def _about(block: str, *, demanded: bool) -> list[str]:
    levels = load_profile("hardened").levels
    return [
        instance.id
        for instance in load_catalogue().instances
        if instance.scenario.role is Role.AUTHORIZATION_SERVER
        and _covers(block, instance)
        and any(
            (levels[expect.requirement] is not Level.MAY) is demanded
            and bool(expect.untouched) is demanded
            for expect in instance.scenario.expect
        )
    ]


@pytest.mark.parametrize("block", [*NOT_REACHABLE, *NOT_SAID, *ELSEWHERE])
def test_a_block_is_demanded_to_be_refused(block: str) -> None:
    assert _about(block, demanded=True)
    assert judge_address(ipaddress.ip_network(block)[-1]).refused


@pytest.mark.parametrize("block", REACHABLE)
def test_a_reachable_block_is_a_matter_of_policy(block: str) -> None:
    found = _about(block, demanded=False)
    assert found
    assert all(name.startswith("as/client-id/reachable-block[") for name in found)


def test_nothing_demands_that_a_reachable_block_is_refused() -> None:
    levels = load_profile("hardened").levels
    around_private = ("nat64", "nat64-dotted")
    for block in REACHABLE:
        found = {
            name
            for name in _about(block, demanded=True)
            if not any(name.endswith(f"[{row}]") for row in around_private)
        }
        assert found == set(), block
    assert levels[MAY] is Level.MAY


@pytest.mark.parametrize("block", [*NOT_REACHABLE, *NOT_SAID, *REACHABLE, *ELSEWHERE])
def test_the_testbed_owns_every_block(block: str) -> None:
    """Else a missing guard would end in an unreachable address, and pass."""
    network = ipaddress.ip_network(block)
    owned = (*LAB_RANGES, *UNDIALLED_RANGES)
    assert any(
        own.version == network.version and network.subnet_of(own) for own in owned
    )
