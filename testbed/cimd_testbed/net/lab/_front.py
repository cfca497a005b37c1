"""The TLS front: a public-looking https origin for a target's plain local port.

The target runs as in production behind a proxy that ends TLS. Bytes are pumped as they
come, so event streams are not delayed; nothing is added unless asked for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cimd_testbed.net._contacts import Arrival, ContactLog
from cimd_testbed.net._dialer import Stream, open_stream
from cimd_testbed.net._http import Request, Response
from cimd_testbed.net._listener import CertificateFor, Service
from cimd_testbed.net.lab._forwarded import ForwardedHeaders

_PIECE = 1 << 16

Connect = Callable[[], Awaitable[socket.socket]]
"""Opens a connection to the target's plain port."""


def front_service(
    connect: Connect,
    certificate_for: CertificateFor | None,
    contacts: ContactLog,
    *,
    forwarded: bool,
) -> Service:
    """Return the service of a front; without `certificate_for` it is plain HTTP.

    With `forwarded`, `X-Forwarded-Proto`, `-Host` and `-For` are set in each request.
    """
    front = _Front(connect, forwarded)
    return Service(_unused, certificate_for, contacts, serve=front.serve)


async def _unused(_request: Request) -> Response:
    raise AssertionError("The front passes streams on and answers no request itself.")


@dataclass(frozen=True, slots=True)
class _Front:
    connect: Connect
    forwarded: bool

    async def serve(self, client: Stream, arrival: Arrival) -> None:
        """Pump both ways until either side is done.

        Where nothing listens nothing is answered: a 502 is always the target's own.
        """
        try:
            target = await open_stream(await self.connect(), None, None)
        except OSError:
            client.writer.transport.abort()
            return
        rewriter = None
        if self.forwarded:
            proto = "https" if arrival.tls else "http"
            rewriter = ForwardedHeaders(proto, str(arrival.source))
        try:
            await _pump_both(client, target, rewriter)
        finally:
            target.writer.transport.abort()
            client.writer.close()


async def _pump_both(
    client: Stream, target: Stream, rewriter: ForwardedHeaders | None
) -> None:
    """Return when the target has said everything, or the client is gone.

    A plain client may end its own direction and still read. Over TLS asyncio knows no
    such half-open state: its end is the end of the connection.
    """
    up = asyncio.create_task(_pump(client, target, rewriter))
    down = asyncio.create_task(_pump(target, client, None))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        half_open = client.writer.can_write_eof() and not up.cancelled()
        if not down.done() and half_open and up.result():
            await down
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _pump(
    source: Stream, sink: Stream, rewriter: ForwardedHeaders | None
) -> bool:
    """Copy until the end and pass the end on; False when a side broke off."""
    try:
        while piece := await source.reader.read(_PIECE):
            sink.writer.write(rewriter.feed(piece) if rewriter else piece)
            await sink.writer.drain()
        if rewriter:
            sink.writer.write(rewriter.rest())
        if sink.writer.can_write_eof():
            sink.writer.write_eof()
        await sink.writer.drain()
    except (OSError, ssl.SSLError):
        return False
    return True
