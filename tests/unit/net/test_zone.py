"""What names resolve to, without a packet: the embedded network's resolver."""

import ipaddress
import socket

import pytest

from cimd_testbed.net import NOWHERE, Depth, EmbeddedNetwork, Fault

PUBLIC = ipaddress.ip_address("93.184.216.5")
INWARD = ipaddress.ip_address("10.0.0.5")
INWARD6 = ipaddress.ip_address("fd00::5")


@pytest.fixture
def network():
    return EmbeddedNetwork()


async def resolve(network, name):
    return await network.resolver(None).resolve(name)


async def test_a_wildcard_answers_for_what_has_no_name_of_its_own(network):
    def spelled_out(below):
        return [ipaddress.ip_address(below.replace("-", "."))]

    network.zone.wildcard("wild.example", spelled_out)
    network.zone.point("10-0-0-6.wild.example", PUBLIC)
    assert await resolve(network, "10-0-0-5.WILD.example.") == [INWARD]
    assert await resolve(network, "10-0-0-6.wild.example") == [PUBLIC]
    for name in ("wild.example", "10-0-0-5.tame.example"):
        with pytest.raises(socket.gaierror):
            await resolve(network, name)


async def test_a_wildcard_is_given_everything_below_it(network):
    seen = []
    network.zone.wildcard("example", lambda below: seen.append(below) or [INWARD])
    assert await resolve(network, "a.b.example") == [INWARD]
    assert seen == ["a.b", "a.b"], "once for each address family"


async def test_order_is_kept_within_a_family(network):
    network.zone.point("mixed.example", INWARD6, PUBLIC, INWARD)
    assert await resolve(network, "mixed.example") == [PUBLIC, INWARD, INWARD6]


async def test_a_server_failure_is_an_error_and_was_asked_for(network):
    network.zone.point("broken.example", PUBLIC)
    network.zone.fail("broken.example", Fault.SERVER_FAILURE)
    with pytest.raises(socket.gaierror):
        await resolve(network, "broken.example")
    assert {c.depth for c in network.contacts.contacts} == {Depth.DNS}


async def test_a_silent_name_is_asked_for_and_given_up(network):
    waited = []

    async def pause(seconds):
        waited.append(seconds)

    network.pause = pause
    network.zone.point("silent.example", PUBLIC)
    network.zone.fail("silent.example", Fault.SILENT)
    with pytest.raises(socket.gaierror):
        await resolve(network, "silent.example")
    assert sum(waited) == 4
    names = {contact.name for contact in network.contacts.contacts}
    assert names == {"silent.example"}


@pytest.mark.parametrize("lost", NOWHERE.values(), ids=str)
async def test_nothing_leads_nowhere(network, lost):
    with pytest.raises(OSError, match="unreachable"):
        await network.dialer(None).dial(lost, 443)
    assert network.contacts.contacts == []


@pytest.mark.parametrize(
    ("spelled", "address"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("0xa.0.5", "10.0.0.5"),
        ("１０.０。０．５", "10.0.0.5"),
    ],
)
async def test_addresses_are_read_as_the_system_reads_them(network, spelled, address):
    assert await resolve(network, spelled) == [ipaddress.ip_address(address)]
    assert network.contacts.contacts == []


async def test_what_is_no_name_does_not_resolve(network):
    for odd in ("a..example", "x" * 64 + ".example"):
        with pytest.raises(socket.gaierror):
            await resolve(network, odd)
