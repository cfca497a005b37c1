"""What scenarios hold while they run: addresses, given back after their grace."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from cimd_conformance.evidence import reached
from cimd_conformance.model import Place
from cimd_testbed.net import IPAddress, Leases


@dataclass(slots=True)
class ScenarioLeases:
    """Leases by scenario, so that all of one's end together."""

    pool: Leases = field(default_factory=Leases)
    _held: dict[str, contextlib.AsyncExitStack] = field(default_factory=dict)

    async def reserve(self, label: str, places: Iterable[Place]) -> None:
        """Hold every single address that a scenario names, all of them at once.

        Before it takes a slot: whoever waits here for an address that is in demand
        keeps nobody else from running.
        """
        single = [
            ipaddress.ip_address(place.address)
            for place in places
            if place.address is not None and "/" not in place.address
        ]
        if single:
            wanted = [*single, *map(reached, single)]
            stack = self._held.setdefault(label, contextlib.AsyncExitStack())
            await stack.enter_async_context(self.pool.exclusive(*wanted))

    async def lease(self, label: str, place: Place | None, name: str) -> IPAddress:
        """Give an address to a scenario's place.

        A single address was reserved; a range gives the one of its addresses that was
        unused for longest.
        """
        del name
        stack = self._held.setdefault(label, contextlib.AsyncExitStack())
        if place is None or place.address is None:
            return await stack.enter_async_context(self.pool.client_host())
        if "/" in place.address:
            network = ipaddress.ip_network(place.address)
            return await stack.enter_async_context(self.pool.one_of(network))
        return ipaddress.ip_address(place.address)

    async def release(self, label: str) -> None:
        """Let go of everything that a scenario holds."""
        stack = self._held.pop(label, None)
        if stack is not None:
            await stack.aclose()
