"""Networks: where names and addresses of a run come from.

`EmbeddedNetwork` gives the embedded reference all powers on any machine: every lab
address is a key of one switchboard, behind which a single loopback listener answers.
`LoopbackNetwork` serves an external target on 127.0.0.1 and ports. The lab's network
is in `cimd_testbed.net.lab`.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import os
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cimd_certs import old_tls
from cimd_testbed.core import literal_address
from cimd_testbed.net._contacts import Arrival, ContactLog, Depth, IPAddress
from cimd_testbed.net._dialer import (
    Dialer,
    ForbiddenAddressError,
    Resolver,
    Stream,
    SystemDialer,
    connect_socket,
    open_stream,
)
from cimd_testbed.net._leases import NOWHERE
from cimd_testbed.net._listener import Listener, Service
from cimd_testbed.net._ranges import LAB_RANGES, UNDIALLED_RANGES
from cimd_testbed.net._zone import Fault, Zone

OLD_TLS = {"old-tls"} if old_tls() else set()
"""A power of the runtime rather than of a network."""

LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
_TRIES, _TRY_SECONDS = 8, 0.5
"""How long a resolver waits for a name server that says nothing: four seconds, as the
lab's resolver file has it."""


Pause = Callable[[float], Awaitable[None]]


class Network(ABC):
    """Addresses, names and connections of one run."""

    powers: frozenset[str]
    """What scenarios may ask for here."""

    def __init__(self) -> None:
        self.contacts = ContactLog()
        self.zone = Zone(self.contacts)
        self.pause: Pause = asyncio.sleep
        """In what time names are waited for that nobody answers about."""

    @abstractmethod
    def dialer(self, label: str | None) -> Dialer:
        """Give the way out for a party of scenario `label`, or for the reference."""

    @abstractmethod
    def resolver(self, label: str | None) -> Resolver:
        """Give the resolver that belongs to `dialer`."""

    @abstractmethod
    async def listen(
        self, address: IPAddress, port: int, service: Service
    ) -> Listener | None:
        """Serve on an address that this network owns.

        Returns the listener where it can be closed before its network.
        """

    @abstractmethod
    async def listen_everywhere(self, ports: tuple[int, ...], service: Service) -> None:
        """Serve on every address that nothing else listens on (documents, canaries)."""

    def settle(self) -> None:  # noqa: B027 - most networks have nothing to wait for
        """Record everything that has happened until now, before absence is judged."""

    def lost_contacts(self) -> int:
        """Return how many contacts were missed; absence is no evidence then."""
        return 0

    @abstractmethod
    async def close(self) -> None:
        """Close every listener and connection, and wait until they are gone."""


@functools.lru_cache(maxsize=1024)
def _of_the_testbed(address: IPAddress) -> bool:
    return any(address in owned for owned in (*LAB_RANGES, *UNDIALLED_RANGES))


@dataclass(frozen=True, slots=True)
class _EmbeddedDialer:
    network: EmbeddedNetwork
    label: str | None

    async def dial(
        self,
        address: IPAddress,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Stream:
        if address in NOWHERE.values():
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        if not _of_the_testbed(address):
            raise ForbiddenAddressError(f"{address} is not an address of the testbed.")
        sock = await self.network.connect(Arrival(address, port, LOOPBACK, self.label))
        return await open_stream(sock, tls, server_hostname)


@dataclass(frozen=True, slots=True)
class ZoneResolver:
    """Answers from the zone itself, without a packet, on behalf of `label`.

    Like the system's resolver it also reads addresses, in any spelling: digits of other
    scripts become ASCII before anything is looked up (RFC 3490).
    """

    zone: Zone
    label: str | None
    pause: Pause = asyncio.sleep

    async def resolve(self, host: str) -> list[IPAddress]:
        """Return the addresses, IPv4 first; raises `OSError` for none."""
        host = _ascii(host)
        literal = literal_address(host)
        if literal is not None:
            return [literal]
        fault = self.zone.fault_of(host)
        if fault is Fault.SILENT:
            self.zone.lookup(host, 4, self.label)
            for _ in range(_TRIES):
                await self.pause(_TRY_SECONDS)
        await asyncio.sleep(self.zone.seconds_for(host))
        found = [self.zone.lookup(host, version, self.label) for version in (4, 6)]
        addresses = [address for answer in found for address in answer or []]
        if fault in (Fault.SERVER_FAILURE, Fault.SILENT):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return addresses


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        unknown = "Name or service not known"
        raise socket.gaierror(socket.EAI_NONAME, unknown) from None


class EmbeddedNetwork(Network):
    """The lab's names and addresses on one loopback listener, for embedded roles.

    A caller binds its source port first and files under it what it means to reach, so
    that the accepted socket is known by its peer. A connection that nobody filed (any
    other process of this machine) is closed at once.
    """

    powers = frozenset(
        {"public-address", "dns-control", "canary", "tls-variants", "clock", "ipv6"}
        | {"every-address", "proxy", *OLD_TLS}
    )

    def __init__(self) -> None:
        super().__init__()
        self._meant: dict[int, Arrival] = {}
        self._services: dict[tuple[IPAddress, int], Service] = {}
        self._everywhere: dict[int, Service] = {}
        self._listener: Listener | None = None
        self._port = 0

    async def start(self) -> None:
        """Open the one listener."""
        sock = socket.create_server((str(LOOPBACK), 0), backlog=512)
        self._port = sock.getsockname()[1]
        self._listener = Listener(sock, self._arrive, self._service_for)
        self._listener.start()

    def _arrive(self, sock: socket.socket) -> Arrival | None:
        try:
            return self._meant.pop(sock.getpeername()[1], None)
        except OSError:
            return None

    def _service_for(self, arrival: Arrival) -> Service | None:
        key = (arrival.address, arrival.port)
        return self._services.get(key) or self._everywhere.get(arrival.port)

    async def connect(self, arrival: Arrival) -> socket.socket:
        """Connect to the listener on behalf of one dialled address.

        Raises `ConnectionRefusedError` when nothing serves that address and port.
        """
        self.contacts.record(
            Depth.TCP, arrival.address, arrival.port, label=arrival.label
        )
        if self._service_for(arrival) is None:
            raise ConnectionRefusedError(
                f"Nothing listens on {arrival.address} port {arrival.port}."
            )
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((str(LOOPBACK), 0))
            self._meant[sock.getsockname()[1]] = arrival
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, (str(LOOPBACK), self._port))
        except BaseException:
            sock.close()
            raise
        return sock

    def dialer(self, label: str | None) -> Dialer:
        """Give a dialer that reaches the testbed's addresses and raises for others."""
        return _EmbeddedDialer(self, label)

    def resolver(self, label: str | None) -> Resolver:
        """Give a resolver that answers from the zone."""
        return ZoneResolver(self.zone, label, self.pause)

    async def listen(
        self, address: IPAddress, port: int, service: Service
    ) -> Listener | None:
        """Serve on one address and port of the switchboard."""
        self._services[address, port] = service
        return None

    async def listen_everywhere(self, ports: tuple[int, ...], service: Service) -> None:
        """Serve on every other address, for these ports."""
        self._everywhere.update(dict.fromkeys(ports, service))

    async def close(self) -> None:
        """Close the listener and all connections."""
        if self._listener is not None:
            await self._listener.close()


class LoopbackNetwork(Network):
    """Parties on 127.0.0.1 and ports, for an external target; few powers."""

    powers: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Listener] = []
        self.ports: dict[int, int] = {}
        """The real port behind each port that parties meant to serve."""

    def dialer(self, label: str | None) -> Dialer:
        """Give a dialer that reaches loopback only."""
        del label
        return SystemDialer()

    def resolver(self, label: str | None) -> Resolver:
        """Give a resolver that knows `localhost` alone, without any query."""
        del label
        return LocalhostResolver()

    async def listen(
        self, address: IPAddress, port: int, service: Service
    ) -> Listener | None:
        """Serve on one loopback address; port 0 takes a free one."""
        if not address.is_loopback:
            raise ForbiddenAddressError(f"{address} is not a loopback address.")
        sock = socket.create_server((str(address), port), backlog=128)

        def arrive(accepted: socket.socket) -> Arrival | None:
            try:
                host, local_port = accepted.getsockname()[:2]
                peer = accepted.getpeername()[0]
            except OSError:
                return None
            arrival = Arrival(
                ipaddress.ip_address(host), local_port, ipaddress.ip_address(peer)
            )
            self.contacts.record(Depth.TCP, arrival.address, arrival.port)
            return arrival

        listener = Listener(sock, arrive, lambda _arrival: service)
        listener.start()
        self._listeners.append(listener)
        self.ports[port] = sock.getsockname()[1]
        return listener

    async def listen_everywhere(self, ports: tuple[int, ...], service: Service) -> None:
        """Serve the parties' documents on one free port of 127.0.0.1."""
        await self.listen(LOOPBACK, 0, service)
        self.ports.update(dict.fromkeys(ports, self.ports[0]))

    async def close(self) -> None:
        """Close every listener."""
        for listener in self._listeners:
            await listener.close()


class LocalhostResolver:
    """Answers for `localhost` with 127.0.0.1 and for nothing else."""

    async def resolve(self, host: str) -> list[IPAddress]:
        """Return 127.0.0.1; raises `OSError` for any other name."""
        if host != "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Only localhost is known here.")
        return [LOOPBACK]


__all__ = [
    "LOOPBACK",
    "EmbeddedNetwork",
    "LocalhostResolver",
    "LoopbackNetwork",
    "Network",
    "ZoneResolver",
    "connect_socket",
]
