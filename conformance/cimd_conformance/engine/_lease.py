"""What scenarios hold while they run: addresses, given back after their grace."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass, field

from cimd_conformance.evidence import reached
from cimd_conformance.model import Place
from cimd_testbed.net import IPAddress, Leases


@dataclass(slots=True)
class ScenarioLeases:
    """Leases by scenario, so that all of one's end together."""

    pool: Leases = field(default_factory=Leases)
    _held: dict[str, contextlib.AsyncExitStack] = field(default_factory=dict)

    async def lease(self, label: str, place: Place | None, name: str) -> IPAddress:
        """Give an address to a scenario's place.

        A single address waits until its last holder has let go; a range gives the one
        of its addresses that was unused for longest.
        """
        del name
        stack = self._held.setdefault(label, contextlib.AsyncExitStack())
        if place is None or place.address is None:
            return await stack.enter_async_context(self.pool.client_host())
        if "/" in place.address:
            network = ipaddress.ip_network(place.address)
            return await stack.enter_async_context(self.pool.one_of(network))
        address = ipaddress.ip_address(place.address)
        await stack.enter_async_context(self.pool.exclusive(address, reached(address)))
        return address

    async def release(self, label: str) -> None:
        """Let go of everything that a scenario holds."""
        stack = self._held.pop(label, None)
        if stack is not None:
            await stack.aclose()
