"""HTTP/1.1 service on an accepted stream: `Request` in, `Response` out."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import traceback
from http import HTTPStatus

import h11

from cimd_testbed.net._contacts import Arrival, ContactLog, Depth
from cimd_testbed.net._dialer import Stream
from cimd_testbed.net._http import Handler, Request, Response

MAX_REQUEST_BODY = 1 << 20
IDLE_SECONDS = 60.0

_ANSWERED = h11.Response(status_code=200, headers=[("Content-Length", "0")])
_ANSWERED_ALL = h11.EndOfMessage()
"""What h11 is told of every response: it only has to know that one went out."""


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"


async def _read_request(
    connection: h11.Connection, stream: Stream, arrival: Arrival
) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                stream.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with asyncio.timeout(IDLE_SECONDS):
                connection.receive_data(await stream.reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_REQUEST_BODY:
                return None
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return Request(
                head.method.decode("latin-1"),
                head.target.decode("latin-1"),
                tuple(
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in head.headers.raw_items()
                ),
                bytes(body),
                arrival,
            )
        else:  # ConnectionClosed or PAUSED: nothing more will come
            return None


async def _send(stream: Stream, method: str, response: Response) -> bool:
    """Write the response; return whether the connection may go on."""
    if response.take_over is not None:
        await response.take_over(stream)
        return False
    writer = stream.writer
    names = {name.lower() for name, _ in response.headers}
    head = [b"HTTP/1.1 %d %s" % (response.status, _reason(response.status))]
    head += [f"{name}: {value}".encode() for name, value in response.headers]
    framed = bool(names & {"content-length", "transfer-encoding"})
    keep = framed or response.stream is None
    if not framed and response.stream is None:
        head.append(b"Content-Length: %d" % len(response.body))
    if not keep:
        head.append(b"Connection: close")
    bare = method == "HEAD" or response.stream is not None
    payload = b"" if bare else response.body
    writer.write(b"\r\n".join(head) + b"\r\n\r\n" + payload)
    await writer.drain()
    if response.stream is not None and method != "HEAD":
        async for piece in response.stream():
            writer.write(piece)
            await writer.drain()
    return keep and response.stream is None


async def _answer(handler: Handler, request: Request) -> Response:
    """Ask the handler; its bug is answered with 500 and shown on stderr."""
    try:
        return await handler(request)
    except Exception:  # noqa: BLE001 - a server outlives the fault of one request
        traceback.print_exc(file=sys.stderr)
        return Response(500, (("Connection", "close"),))


async def serve_stream(
    stream: Stream, arrival: Arrival, handler: Handler, contacts: ContactLog
) -> None:
    """Answer requests until the peer goes away; protocol errors end the connection."""
    connection = h11.Connection(h11.SERVER, 64 << 10)
    try:
        while True:
            request = await _read_request(connection, stream, arrival)
            if request is None:
                return
            contacts.record(
                Depth.HTTP,
                arrival.address,
                arrival.port,
                name=request.host,
                target=request.target,
                label=arrival.label,
            )
            response = await _answer(handler, request)
            keep = await _send(stream, request.method, response)
            if not keep or (request.header("connection") or "").lower() == "close":
                return
            _finish(connection)
            if connection.our_state is h11.MUST_CLOSE:  # HTTP/1.0
                return
            connection.start_next_cycle()
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        with contextlib.suppress(OSError):
            stream.writer.write(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                b"Connection: close\r\n\r\n"
            )
    except (OSError, ssl.SSLError, TimeoutError):
        return
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            if stream.writer.can_write_eof():
                stream.writer.write_eof()
            stream.writer.close()


def _finish(connection: h11.Connection) -> None:
    """Tell h11 that a response went out, so that it accepts the next request."""
    connection.send(_ANSWERED)
    connection.send(_ANSWERED_ALL)
