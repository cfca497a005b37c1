"""Evidence of the network: who reached which address, and how deep it got."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

IPAddress = IPv4Address | IPv6Address


class Depth(enum.IntEnum):
    """How far a connection went; each step includes the ones before."""

    DNS = 1
    """A name was asked for."""
    TCP = 2
    """A SYN was sent to the address."""
    CLIENT_HELLO = 3
    """The TLS handshake began; the server name is known."""
    TLS = 4
    """The handshake was completed."""
    HTTP = 5
    """A whole HTTP request arrived."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a connection was meant to go, and who opened it.

    `address` and `port` are what the caller dialled (not the listener's own);
    `label` is the scenario of one of our own parties, or None for the target.
    """

    address: IPAddress
    port: int
    source: IPAddress
    label: str | None = None
    sni: str | None = None
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """One observation; `when` is in seconds of the event loop's clock."""

    when: float
    depth: Depth
    address: IPAddress | None
    port: int | None
    name: str | None = None
    """The DNS name, the SNI, or the Host header, according to `depth`."""
    target: str | None = None
    """The HTTP request target."""
    label: str | None = None
    """The scenario whose own party made it; None: the implementation under test."""
    trouble: str | None = None
    """Why a handshake that had begun was not finished: the alert that the peer sent,
    such as `unknown ca`, or how the connection broke."""


@dataclass(slots=True)
class ContactLog:
    """Append-only; listeners hear of each contact as it is made."""

    contacts: list[Contact] = field(default_factory=list)
    listeners: list[Callable[[Contact], None]] = field(default_factory=list)

    def record(
        self,
        depth: Depth,
        address: IPAddress | None,
        port: int | None,
        *,
        name: str | None = None,
        target: str | None = None,
        label: str | None = None,
        trouble: str | None = None,
    ) -> None:
        """Add an observation made now."""
        when = asyncio.get_running_loop().time()
        contact = Contact(when, depth, address, port, name, target, label, trouble)
        self.contacts.append(contact)
        for listener in self.listeners:
            listener(contact)
