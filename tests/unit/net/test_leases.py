"""What concurrent scenarios would share, one holds at a time."""

import asyncio
import ipaddress
from contextlib import AsyncExitStack

import pytest

from cimd_testbed.net import CLIENT_HOSTS, LAB_RANGES, SERVERS, Leases
from cimd_testbed.net._leases import NEVER_FROM_A_RANGE

METADATA = ipaddress.ip_address("169.254.169.254")


async def test_addresses_differ_while_they_are_held():
    leases = Leases()
    async with leases.client_host() as first, leases.client_host() as second:
        assert first != second
        assert {first, second} <= {*CLIENT_HOSTS.hosts()}
    async with leases.server() as server:
        assert server in SERVERS


async def test_the_address_unused_for_longest_comes_next():
    leases = Leases()
    small = ipaddress.ip_network("10.0.0.0/29")
    taken = []
    for _ in range(7):
        async with leases.one_of(small) as address:
            taken.append(str(address))
    assert taken[:6] == [f"10.0.0.{n}" for n in range(1, 7)]
    assert taken[6] == "10.0.0.1"


async def test_a_full_range_waits_for_a_release():
    leases = Leases()
    small = ipaddress.ip_network("10.0.0.0/30")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(leases.one_of(small))
        last = await stack.enter_async_context(leases.one_of(small))
        waiting = asyncio.create_task(anext(aiter_of(leases.one_of(small))))
        await asyncio.sleep(0.01)
        assert not waiting.done()
    assert await waiting != last


async def aiter_of(context):
    async with context as address:
        yield address


@pytest.mark.parametrize("network", LAB_RANGES, ids=str)
async def test_every_range_gives_addresses_without_a_meaning_of_their_own(network):
    leases = Leases()
    async with AsyncExitStack() as stack:
        for _ in range(120):
            address = await stack.enter_async_context(leases.one_of(network))
            assert address in network
            assert address not in NEVER_FROM_A_RANGE


async def test_a_single_address_is_exclusive():
    leases = Leases()
    order = []

    async def hold(name):
        async with leases.exclusive(METADATA):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(*(hold(name) for name in "abc"))
    assert order == [f"{name} {way}" for name in "abc" for way in ("in", "out")]


async def test_several_exclusive_addresses_cannot_deadlock():
    leases = Leases()
    one, two = METADATA, ipaddress.ip_address("::1")

    async def hold(*addresses):
        async with leases.exclusive(*addresses):
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        pairs = ((one, two), (two, one), (one,), (two,))
        await asyncio.gather(*(hold(*pair) for pair in pairs * 5))


async def test_an_exclusive_address_is_not_handed_out_from_its_range():
    leases = Leases()
    first = ipaddress.ip_address("10.0.0.1")
    network = ipaddress.ip_network("10.0.0.0/8")
    async with leases.exclusive(first), leases.one_of(network) as address:
        assert str(address) == "10.0.0.2"


async def test_a_cancelled_wait_holds_nothing():
    leases = Leases()
    async with leases.exclusive(METADATA):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), leases.exclusive(METADATA):
                pass
    async with asyncio.timeout(1), leases.exclusive(METADATA):
        pass
