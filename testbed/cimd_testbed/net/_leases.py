"""Addresses as leases: what concurrent scenarios would share, one holds at a time.

An address is held until its scenario's grace has passed, so that a late contact cannot
be taken for another's. Within a range the address unused for longest comes next.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import IPv4Network, IPv6Network

from cimd_testbed.net._contacts import IPAddress

CLIENT_HOSTS = ipaddress.IPv4Network("93.184.224.0/19")
"""Public-looking addresses of the parties' client hosts: more than a run takes, since
a connection that a target keeps for an address would meet the next host there."""
SERVERS = ipaddress.IPv4Network("93.184.215.0/24")
"""Public-looking addresses of servers: the target's front, our own AS and resources."""
PUBLIC_IPV6 = ipaddress.IPv6Network("2606:2800:220:1::/64")
"""Public-looking IPv6 addresses, of either."""

OWN_SOURCES: dict[int, IPAddress] = {
    4: ipaddress.IPv4Address("198.18.0.99"),
    6: ipaddress.IPv6Address("2001:db8::99"),
}
"""What our own parties bind in the lab before they connect, by IP version."""

TARGET_ADDRESSES: tuple[IPAddress, ...] = (
    ipaddress.IPv4Address("198.18.0.1"),
    ipaddress.IPv6Address("2001:db8::1"),
)
"""What the lab's `lo` has besides loopback addresses. Resolvers that ask for configured
address families (AI_ADDRCONFIG) need one of each, and a target's IPv6 connections come
from the second."""

DEAD_ADDRESS = ipaddress.IPv4Address("93.184.216.253")
"""A public-looking address to which no TCP connection can be made: whoever has a name
with it and another address goes on to the other one."""
NOWHERE: dict[int, IPAddress] = {
    4: DEAD_ADDRESS,
    6: ipaddress.IPv6Address("2606:2800:220:2::1"),
}
"""Public-looking addresses to which no TCP connection can be made, by IP version."""

_KNOWN = (
    *("0.0.0.0", "127.0.0.1", "127.0.0.53", "127.0.1.1", "::", "::1"),  # noqa: S104
    *("169.254.169.254", "169.254.169.253", "169.254.170.2", "169.254.169.123"),
    *("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "255.255.255.255"),
)
OTHER_PUBLIC: dict[int, IPAddress] = {
    4: ipaddress.IPv4Address("93.184.216.254"),
    6: ipaddress.IPv6Address("2606:2800:220:1::fe"),
}
"""The public half of names that also have an inward address, by IP version."""
CANARY_PORTS = (443, 80)
"""Where a document is served at every address that nobody else listens on."""
NEVER_FROM_A_RANGE: frozenset[IPAddress] = frozenset(
    (
        *(ipaddress.ip_address(text) for text in _KNOWN),
        *OTHER_PUBLIC.values(),
        *OWN_SOURCES.values(),
        *TARGET_ADDRESSES,
        *NOWHERE.values(),
    )
)
"""Addresses with a meaning of their own: leased by name only, or ours."""

_CYCLE = 1 << 16


class Leases:
    """Hands out addresses; each is an async context manager held until it is left."""

    def __init__(self) -> None:
        self._held: set[IPAddress] = set()
        self._cursors: dict[IPv4Network | IPv6Network, int] = {}
        self._changed = asyncio.Condition()

    def client_host(self) -> AbstractAsyncContextManager[IPAddress]:
        """Lease a public-looking address for a client's documents."""
        return self.one_of(CLIENT_HOSTS)

    def server(self) -> AbstractAsyncContextManager[IPAddress]:
        """Lease a public-looking address for a server."""
        return self.one_of(SERVERS)

    @asynccontextmanager
    async def one_of(
        self, network: IPv4Network | IPv6Network
    ) -> AsyncIterator[IPAddress]:
        """Lease an address of a range, and wait while all are held."""
        found: list[IPAddress] = []

        def find() -> bool:
            found.extend(self._next_free(network))
            return bool(found)

        async with self._changed:
            await self._changed.wait_for(find)
            self._held.add(found[0])
        try:
            yield found[0]
        finally:
            await self._give_back(found)

    @asynccontextmanager
    async def exclusive(self, *addresses: IPAddress) -> AsyncIterator[None]:
        """Hold these very addresses together, and wait while another has one."""
        wanted = set(addresses)
        async with self._changed:
            await self._changed.wait_for(lambda: not wanted & self._held)
            self._held |= wanted
        try:
            yield
        finally:
            await self._give_back(wanted)

    def _next_free(self, network: IPv4Network | IPv6Network) -> list[IPAddress]:
        """Return the free address that comes next, in a list that may be empty."""
        last = min(network.num_addresses - 2, _CYCLE)
        offset = self._cursors.get(network, 0)
        for _ in range(last):
            offset = offset % last + 1
            address = network[offset]
            if address not in self._held and address not in NEVER_FROM_A_RANGE:
                self._cursors[network] = offset
                return [address]
        return []

    async def _give_back(self, addresses: Iterable[IPAddress]) -> None:
        self._held.difference_update(addresses)
        async with self._changed:
            self._changed.notify_all()


__all__ = [
    "CANARY_PORTS",
    "CLIENT_HOSTS",
    "DEAD_ADDRESS",
    "NEVER_FROM_A_RANGE",
    "NOWHERE",
    "OTHER_PUBLIC",
    "OWN_SOURCES",
    "PUBLIC_IPV6",
    "SERVERS",
    "TARGET_ADDRESSES",
    "Leases",
]
