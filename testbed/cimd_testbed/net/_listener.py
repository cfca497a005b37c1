"""Accept connections: learn what was meant, do TLS with the right certificate, serve.

A TLS server gets no server name for IP literals, so the certificate is chosen by the
address that was dialled, and by SNI where there is one. How deep each connection got is
recorded as a contact; the network itself records the TCP connection (in the lab the
wire tap does, which also sees ports that nobody listens on).
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from cimd_testbed.net._contacts import Arrival, ContactLog, Depth
from cimd_testbed.net._dialer import Stream
from cimd_testbed.net._http import Handler
from cimd_testbed.net._http_server import serve_stream

HANDSHAKE_SECONDS = 10.0

CertificateFor = Callable[[str], ssl.SSLContext]
"""Gives the server context for a DNS name or the text of an IP address."""


@dataclass(frozen=True, slots=True)
class Door:
    """How one address receives a connection, where it is not as usual."""

    context: ssl.SSLContext | None = None
    """What a TLS handshake begins with."""
    keep: Callable[[Stream], Awaitable[None]] | None = None
    """Takes the connection before a byte was said; nothing else happens to it."""


@dataclass(frozen=True, slots=True)
class Service:
    """What answers on a listener.

    `certificate_for` is None for plain HTTP.
    """

    handler: Handler
    certificate_for: CertificateFor | None
    contacts: ContactLog
    trace: Callable[[Arrival], Handler] | None = None
    """Where set, gives the handler for one connection (used to label connections)."""
    serve: Callable[[Stream, Arrival], Awaitable[None]] | None = None
    """Where set, takes the whole stream over, and `handler` is not asked."""
    door: Callable[[Arrival], Door | None] | None = None
    """Where set, says what is unusual about a connection's address."""


async def serve_socket(sock: socket.socket, arrival: Arrival, service: Service) -> None:
    """Serve one accepted connection to its end; never raises for a peer's fault."""
    door = (service.door(arrival) if service.door else None) or Door()
    try:
        if door.keep is not None:
            stream = await _open(sock)
            await door.keep(stream)
            await stream.close()
            return
        stream, arrival = await _secure(sock, arrival, service, door)
    except (OSError, ssl.SSLError, TimeoutError):
        sock.close()
        return
    if service.serve is not None:
        await service.serve(stream, arrival)
        return
    handler = service.trace(arrival) if service.trace else service.handler
    await serve_stream(stream, arrival, handler, service.contacts)


async def _open(sock: socket.socket, context: ssl.SSLContext | None = None) -> Stream:
    """Make a stream of an accepted socket; with a context, after the handshake."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 18)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock, ssl=context
    )
    return Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def _secure(
    sock: socket.socket, arrival: Arrival, service: Service, door: Door
) -> tuple[Stream, Arrival]:
    if service.certificate_for is None:
        return await _open(sock), arrival
    context, seen = _context(arrival, service, door)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            stream = await _open(sock, context)
    except (OSError, TimeoutError) as error:
        if seen:
            _note_trouble(arrival, service, seen[0], error)
        raise
    if door.context is None:
        _keep(context, stream.writer.transport)
    arrival = replace(arrival, sni=seen[0] if seen else None, tls=True)
    service.contacts.record(
        Depth.TLS,
        arrival.address,
        arrival.port,
        name=arrival.sni,
        label=arrival.label,
    )
    return stream, arrival


def _note_trouble(
    arrival: Arrival, service: Service, name: str | None, error: Exception
) -> None:
    """Record how a handshake ended too early: a client says in an alert why."""
    found = _ALERT.search(getattr(error, "reason", None) or "")
    if found:
        trouble = found[1].replace("_", " ").lower()
    elif isinstance(error, TimeoutError):
        trouble = "the client fell silent"
    else:
        trouble = "the client hung up"
    service.contacts.record(
        Depth.CLIENT_HELLO,
        arrival.address,
        arrival.port,
        name=name,
        label=arrival.label,
        trouble=trouble,
    )


_ALERT = re.compile(r"ALERT_(\w+)")
"""How OpenSSL calls an alert that it received: TLSV1_ALERT_UNKNOWN_CA."""


def _context(
    arrival: Arrival, service: Service, door: Door
) -> tuple[ssl.SSLContext, list[str | None]]:
    """Make the context of one connection, which notes the ClientHello."""
    assert service.certificate_for is not None
    certificate_for = service.certificate_for
    seen: list[str | None] = []

    def on_client_hello(
        ssl_object: ssl.SSLObject | ssl.SSLSocket,
        name: str | None,
        _context: ssl.SSLContext,
    ) -> None:
        seen.append(name)
        service.contacts.record(
            Depth.CLIENT_HELLO,
            arrival.address,
            arrival.port,
            name=name,
            label=arrival.label,
        )
        ssl_object.context = certificate_for(name or str(arrival.address))

    context = door.context
    if context is None:
        context = _spare.pop() if _spare else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    context.sni_callback = on_client_hello
    return context, seen


_spare: list[ssl.SSLContext] = []
"""Contexts to begin a handshake with: a new one costs as much as a signature."""


def _keep(context: ssl.SSLContext, transport: asyncio.BaseTransport) -> None:
    """Use a context again, unless it has made a session.

    TLS 1.3 without tickets makes none, so no handshake is shortened by an earlier one.
    """
    if transport.get_extra_info("ssl_object").version() == "TLSv1.3":
        context.sni_callback = None
        _spare.append(context)


@dataclass(slots=True)
class Listener:
    """A bound socket whose connections are served concurrently until it is closed."""

    sock: socket.socket
    arrive: Callable[[socket.socket], Arrival | None]
    service_for: Callable[[Arrival], Service | None]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _waiting: set[socket.socket] = field(default_factory=set)

    def start(self) -> None:
        """Begin to accept."""
        self.sock.setblocking(False)
        asyncio.get_running_loop().add_reader(self.sock, self._accept)

    def _accept(self) -> None:
        """Accept everything that waits."""
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            sock.setblocking(False)
            arrival = self.arrive(sock)
            service = self.service_for(arrival) if arrival else None
            if arrival is None or service is None:
                sock.close()
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._waiting.add(sock)
            task = asyncio.create_task(self._serve(sock, arrival, service))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, sock: socket.socket, arrival: Arrival, service: Service
    ) -> None:
        self._waiting.discard(sock)
        await serve_socket(sock, arrival, service)

    async def close(self) -> None:
        """Stop accepting, end every connection, and prove it by waiting for them."""
        if self.sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in self._waiting:  # cancelled before they began
            sock.close()
