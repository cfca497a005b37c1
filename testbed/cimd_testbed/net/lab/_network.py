"""The lab's network: every address of `LAB_RANGES` is ours, and all names are.

Works inside a verified network namespace only. Whoever connects from the reserved
source addresses is one of our own parties; every other connection is the target's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cimd_testbed.net._contacts import Arrival, Depth, IPAddress
from cimd_testbed.net._dialer import (
    Dialer,
    Resolver,
    Stream,
    SystemDialer,
    SystemResolver,
    open_stream,
)
from cimd_testbed.net._leases import OWN_SOURCES, TARGET_ADDRESSES
from cimd_testbed.net._listener import CertificateFor, Listener, Service
from cimd_testbed.net._namespace import inside_verified_namespace
from cimd_testbed.net._network import LOOPBACK, OLD_TLS, Network, ZoneResolver
from cimd_testbed.net._ranges import LAB_RANGES, dialled_by_no_kernel
from cimd_testbed.net.lab._dns import DnsServer
from cimd_testbed.net.lab._environment import clean_environment, trust_environment
from cimd_testbed.net.lab._files import LabFiles, place_files
from cimd_testbed.net.lab._front import front_service
from cimd_testbed.net.lab._routes import Routes
from cimd_testbed.net.lab._tap import Syn, Tap

UNLABELLED = "testbed"
"""The label of a connection from a reserved source that no dialer here opened."""

_SAME_AS: dict[IPAddress, IPAddress] = {
    ipaddress.IPv4Address("0.0.0.0"): LOOPBACK,  # noqa: S104 - dialled, not bound
    ipaddress.IPv6Address("::"): ipaddress.IPv6Address("::1"),
}
"""Where the kernel takes a connection to no address, unless the source is bound."""

_Ends = tuple[IPAddress, int, IPAddress, int]
"""Source address and port, address and port: one connection on the wire."""

_REMEMBERED = 1 << 16
_IPV6_FREEBIND = 78
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class _PartyDialer:
    """Dials from the reserved source; its label travels by source port."""

    network: LabNetwork
    label: str

    async def dial(
        self,
        address: IPAddress,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Stream:
        sock = await self.network.connect_as(self.label, address, port)
        return await open_stream(sock, tls, server_hostname)


@dataclass(frozen=True, slots=True)
class _ReferenceDialer:
    """The one way out of the reference: plain sockets, as any program has them.

    Where no kernel makes a connection (multicast, say), that it was asked to is the
    contact, and our listeners answer: the guard alone keeps the reference away.
    """

    network: LabNetwork

    async def dial(
        self,
        address: IPAddress,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Stream:
        if not dialled_by_no_kernel(address):
            plain = SystemDialer()
            return await plain.dial(
                address, port, tls=tls, server_hostname=server_hostname
            )
        self.network.contacts.record(Depth.TCP, address, port)
        sock = await self.network.connect_hidden(port, meant=address)
        return await open_stream(sock, tls, server_hostname)


class LabNetwork(Network):
    """Names, addresses, listeners and the tap inside the namespace.

    The system's files are covered as well: resolver, hosts, the host's Unix sockets,
    and CA bundles, which get `ca_pem` appended. An adopted lab (see `adopt_lab`) goes
    without, and gets back its addresses and routes at the end.
    """

    powers = frozenset(
        {"public-address", "dns-control", "canary", "tls-variants", "ipv6"}
        | {"tap", "lab", *OLD_TLS}
    )
    """`ipv6` only where the kernel has it, which is known after `start`."""

    def __init__(self, ca_pem: bytes = b"", *, adopted: bool = False) -> None:
        super().__init__()
        self.files: LabFiles | None = None
        """The lab's files, after `start`; None in an adopted lab."""
        self._routes = Routes()
        self._ca_pem = ca_pem
        self._adopted = adopted
        self._tap = Tap(self._on_syn)
        self._dns = DnsServer(self.zone)
        self._listeners: list[Listener] = []
        self._labels: dict[_Ends, str] = {}
        self._hidden: set[_Ends] = set()
        self._meant: dict[_Ends, IPAddress] = {}

    @property
    def ipv6(self) -> bool:
        """Whether this kernel has IPv6; known after `start`."""
        return self._routes.ipv6

    async def start(self) -> None:
        """Open routes, tap and DNS; raises `RuntimeError` outside a namespace."""
        if not inside_verified_namespace():
            raise RuntimeError("The lab's network only works inside a lab.")
        if not self._adopted:
            self.files = place_files(self._ca_pem, os.environ)
        self._routes.open(LAB_RANGES, TARGET_ADDRESSES)
        if not self.ipv6:
            self.powers = self.powers - {"ipv6"}
        self._tap.start()
        self.zone.point("localhost", LOOPBACK)  # for our parties, as RFC 6761 has it
        await self._dns.start()

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what a process inside gets: no ways out, and trust in the CA."""
        clean = clean_environment(environ)
        if self.files is None:
            return clean
        return clean | trust_environment(self.files.ca_file, self.files.bundle_file)

    def dialer(self, label: str | None) -> Dialer:
        """Give the reserved source to a party, and plain sockets to the reference."""
        return _ReferenceDialer(self) if label is None else _PartyDialer(self, label)

    def resolver(self, label: str | None) -> Resolver:
        """Give a party the zone itself, and the reference the system's resolver."""
        return SystemResolver() if label is None else ZoneResolver(self.zone, label)

    async def listen(
        self, address: IPAddress, port: int, service: Service
    ) -> Listener | None:
        """Serve on one address; it takes precedence over `listen_everywhere`."""
        return self._open(address, port, service)

    async def listen_everywhere(self, ports: tuple[int, ...], service: Service) -> None:
        """Serve on every address of the lab that nothing else listens on."""
        for port in ports:
            self._open(ipaddress.IPv4Address("0.0.0.0"), port, service)  # noqa: S104
            if self.ipv6:
                self._open(ipaddress.IPv6Address("::"), port, service)

    async def front(
        self,
        address: IPAddress,
        names: Iterable[str],
        to_port: int,
        certificate_for: CertificateFor | None,
        *,
        port: int = 443,
        forwarded: bool = False,
    ) -> Listener:
        """Give the target's port on 127.0.0.1 an origin of its own: TLS ends here.

        With `forwarded`, `X-Forwarded-Proto`, `-Host` and `-For` are set. Closing the
        listener ends it before the network does.
        """
        for name in names:
            self.zone.point(name, address)
        service = front_service(
            lambda: self.connect_hidden(to_port),
            certificate_for,
            self.contacts,
            forwarded=forwarded,
        )
        return self._open(address, port, service)

    def settle(self) -> None:
        """Record everything that was on the wire until now (see `Tap.drain`)."""
        self._tap.drain()

    def lost_contacts(self) -> int:
        """Return how many SYNs the tap has missed; absence is no evidence then."""
        return self._tap.lost()

    async def close(self) -> None:
        """Close listeners, DNS and tap; routes end with a namespace of our own."""
        for listener in self._listeners:
            await listener.close()
        await self._dns.close()
        self._tap.close()
        if self._adopted:
            self._routes.withdraw()

    async def connect_as(
        self, label: str, address: IPAddress, port: int
    ) -> socket.socket:
        """Connect for one of our own parties, from the reserved source."""
        address = _SAME_AS.get(
            address, getattr(address, "ipv4_mapped", None) or address
        )
        source = OWN_SOURCES[address.version]
        sock = bind_freely(source, 0)
        ends = (source, sock.getsockname()[1], _plain(str(address)), port)
        self._labels.pop(ends, None)
        self._labels[ends] = label
        if len(self._labels) > _REMEMBERED:
            del self._labels[next(iter(self._labels))]
        try:
            await _connect(sock, address, port)
        except BaseException:
            sock.close()
            raise
        self._tap.drain()
        return sock

    async def connect_hidden(
        self, port: int, meant: IPAddress | None = None
    ) -> socket.socket:
        """Connect to a port of 127.0.0.1 without a trace in the contacts.

        For the front: the target sees a proxy on loopback, and the tap would otherwise
        take that for the target's own connection. A listener of ours takes it for a
        connection to `meant`.
        """
        sock = bind_freely(LOOPBACK, 0)
        ends = (LOOPBACK, sock.getsockname()[1], LOOPBACK, port)
        self._hidden.add(ends)
        if meant is not None:
            self._meant[ends] = meant
        try:
            await _connect(sock, LOOPBACK, port)
        except BaseException:
            self._meant.pop(ends, None)
            sock.close()
            raise
        finally:
            self._tap.drain()
            self._hidden.discard(ends)
        return sock

    def _open(self, address: IPAddress, port: int, service: Service) -> Listener:
        sock = bind_freely(address, port)
        sock.listen(_BACKLOG)
        listener = Listener(sock, self._arrive, lambda _arrival: service)
        listener.start()
        self._listeners.append(listener)
        return listener

    def _arrive(self, sock: socket.socket) -> Arrival | None:
        try:
            host, port = sock.getsockname()[:2]
            source, source_port = sock.getpeername()[:2]
        except OSError:
            return None
        arrival = Arrival(_plain(host), port, _plain(source))
        ends = (arrival.source, source_port, arrival.address, port)
        meant = self._meant.pop(ends, arrival.address)
        return replace(arrival, address=meant, label=self._label(ends))

    def _label(self, ends: _Ends) -> str | None:
        if ends[0] not in OWN_SOURCES.values():
            return None
        return self._labels.get(ends, UNLABELLED)

    def _on_syn(self, syn: Syn) -> None:
        ends = (syn.source, syn.source_port, syn.address, syn.port)
        if ends not in self._hidden:
            label = self._label(ends)
            self.contacts.record(Depth.TCP, syn.address, syn.port, label=label)


def bind_freely(address: IPAddress, port: int) -> socket.socket:
    """Bind a TCP socket to any address of the lab.

    A listener on one address can share its port with the wildcard's, and a target may
    listen on a port that a connection of ours comes from. AnyIP makes IPv6 addresses
    reachable but not bindable, hence the free bind.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        sock.bind((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(sock: socket.socket, address: IPAddress, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (str(address), port))


def _plain(host: str) -> IPAddress:
    """Parse an address of the socket module, which may carry a scope."""
    return ipaddress.ip_address(host.partition("%")[0])
