"""The Dialer law: every outgoing connection of the testbed goes through here.

Outside a verified network namespace nothing we start can reach an address other
than loopback. A reference role is handed a `Dialer` and a `Resolver`, and has no
other way out; on loopback the embedded dialer knows the lab's addresses only as
names for our own listeners and raises for any other.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import Protocol

from cimd_testbed.net._contacts import IPAddress
from cimd_testbed.net._namespace import inside_verified_namespace


class ForbiddenAddressError(RuntimeError):
    """Somebody asked to dial an address outside loopback, outside a namespace."""


@dataclass(slots=True)
class Stream:
    """An open byte stream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def close(self) -> None:
        """Close without waiting for the peer's goodbye; never raises."""
        self.writer.transport.abort()


class Dialer(Protocol):
    """Opens a stream to an address; the address is final, nothing is resolved."""

    async def dial(
        self,
        address: IPAddress,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Stream:
        """Connect, with TLS when a context is given; raises `OSError`."""
        ...


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str) -> list[IPAddress]:
        """Return every address of the name, in order; raises `OSError` for none."""
        ...


async def open_stream(
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    server_hostname: str | None,
) -> Stream:
    """Wrap a connected socket, with the TLS handshake done when `tls` is given."""
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock,
            ssl=tls,
            server_hostname=server_hostname if tls else None,
        )
    except BaseException:
        sock.close()
        raise
    return Stream(reader, writer)


async def connect_socket(
    address: IPAddress, port: int, source: IPAddress | None = None
) -> socket.socket:
    """Make a TCP connection; `source` is bound first when given."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            sock.bind((str(source), 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


@dataclass(frozen=True, slots=True)
class SystemDialer:
    """Dials with the system's own sockets: loopback, or inside a verified namespace.

    Parties set `source` to the reserved source address, so that every other source
    in the tap is the implementation under test.
    """

    source: IPAddress | None = None

    async def dial(
        self,
        address: IPAddress,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Stream:
        """Connect; raises `ForbiddenAddressError` where the law forbids it."""
        if not address.is_loopback and not inside_verified_namespace():
            raise ForbiddenAddressError(
                f"Refusing to connect to {address}: outside a network namespace made "
                "for the run, only loopback may be reached."
            )
        source = self.source
        if source is not None and (
            source.version != address.version or address.is_loopback
        ):
            source = None
        sock = await connect_socket(address, port, source)
        return await open_stream(sock, tls, server_hostname)


class SystemResolver:
    """Resolves with the system's resolver: the lab's DNS inside the namespace.

    Outside a verified namespace it answers for loopback names alone, so that no
    query leaves the machine.
    """

    async def resolve(self, host: str) -> list[IPAddress]:
        """Return the addresses in the system's order; raises `OSError`."""
        if not inside_verified_namespace() and host != "localhost":
            raise ForbiddenAddressError(
                f"Refusing to resolve {host!r} outside a network namespace."
            )
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = (ipaddress.ip_address(info[4][0]) for info in infos)
        return list(dict.fromkeys(found))
