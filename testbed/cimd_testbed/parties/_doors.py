"""Hosts of ours whose TLS is not in order, each in one way."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cimd_certs import Authority, BadCertificate
from cimd_testbed.net import Arrival, Door, IPAddress, Stream

Keeper = Callable[[Stream], Awaitable[None]]


@dataclass(slots=True)
class Doors:
    """Gives each host its certificate, a bad one where a scenario wants it so."""

    authority: Authority
    _certificates: dict[str, ssl.SSLContext] = field(default_factory=dict)
    _doors: dict[IPAddress, Door] = field(default_factory=dict)

    def certificate_for(self, name: str) -> ssl.SSLContext:
        """Give the context for a DNS name or the text of an address."""
        found = self._certificates.get(name.lower())
        return found if found is not None else self.authority.context_for(name)

    def door(self, arrival: Arrival) -> Door | None:
        """Say what is unusual about the address of a connection."""
        return self._doors.get(arrival.address)

    def spoil(self, host: str, address: IPAddress, fault: str, keep: Keeper) -> None:
        """Let a host be bad in one way; raises `ValueError` for an unknown one.

        `keep` receives the connections of a host that is to say nothing at all.
        """
        host = host.strip("[]").lower()
        match fault:
            case "silent":
                self._doors[address] = Door(keep=keep)
            case "old-protocol":
                # One for the beginning, and one that the name is answered with.
                self._doors[address] = Door(self.authority.old_context(host))
                self._certificates[host] = self.authority.old_context(host)
            case "address-only":
                good = self.authority.context_for(str(address))
                self._certificates[host] = good
            case _:
                kind = BadCertificate(fault)
                bad = self.authority.bad_context(kind, host)
                self._certificates[host] = self._certificates[str(address)] = bad

    def mend(self, host: str, address: IPAddress) -> None:
        """Let a host be as usual again."""
        self._doors.pop(address, None)
        for name in (host.strip("[]").lower(), str(address)):
            self._certificates.pop(name, None)
