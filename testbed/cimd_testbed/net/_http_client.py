"""HTTP/1.1 requests over a stream, byte for byte, with every read capped and timed.

`h11` does the protocol; this module only moves bytes. There is no redirect
following, no cookie jar, no proxy and no normalisation: what a caller wants of
these it does itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass, field

import h11

from cimd_testbed.core import UrlParts, split_url
from cimd_testbed.net._contacts import IPAddress
from cimd_testbed.net._dialer import Dialer, Resolver, Stream
from cimd_testbed.net._http import Headers, Response


class HttpError(Exception):
    """The peer did not answer with a usable HTTP response."""


class HeadersTooLargeError(HttpError):
    """The headers of the response go on after the limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a response is read, and for how long.

    `body` in bytes, `seconds` from the request to the end of the body; a longer body
    is cut and marked `truncated`. With 0 the body of a stream is not waited for.
    """

    body: int = 1 << 20
    seconds: float = 10.0
    header: int = 64 << 10


_ASKED = h11.Request(method="GET", target="/", headers=[("Host", "x")])
_ASKED_ALL = h11.EndOfMessage()
"""What h11 is told of every request: it only has to know that one went out."""


def literal_address(host: str) -> IPAddress | None:
    """Return the address when `host` is a plain IP literal (brackets allowed)."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _event_bytes(method: str, target: str, headers: Headers, body: bytes) -> bytes:
    """Serialise a request; the target leaves as it is, even where h11 would object."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    names = {name.lower() for name, _ in headers}
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    elif method in ("POST", "PUT", "PATCH") and "content-length" not in names:
        lines.append("Content-Length: 0")
    head = "\r\n".join(lines) + "\r\n\r\n"
    try:
        return head.encode("utf-8", "surrogateescape") + body
    except UnicodeEncodeError:  # half a surrogate pair, out of somebody's JSON
        return head.encode("utf-8", "replace") + body


def _decode(head: h11.Response) -> Headers:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in head.headers.raw_items()
    )


async def _read_response(
    connection: h11.Connection, stream: Stream, limits: Limits
) -> Response:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await stream.reader.read(65536)
            if not data and head is None and not connection.trailing_data[0]:
                raise HttpError("The connection was closed without a response.")
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            head = event
            if limits.body <= 0:
                return Response(head.status_code, _decode(head), truncated=True)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > limits.body:
                del body[limits.body :]
                assert head is not None
                return Response(
                    head.status_code, _decode(head), bytes(body), truncated=True
                )
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return Response(head.status_code, _decode(head), bytes(body))
        elif isinstance(event, h11.ConnectionClosed):
            raise HttpError("The connection was closed without a response.")


async def exchange(
    stream: Stream,
    method: str,
    target: str,
    headers: Headers,
    body: bytes = b"",
    limits: Limits = Limits(),
) -> tuple[Response, bool]:
    """Send one request on an open stream and read the answer.

    Returns the response and whether the stream can serve another request. Raises
    `HttpError` for anything that is not HTTP, `TimeoutError` when time runs out.
    """
    connection = h11.Connection(h11.CLIENT, limits.header)
    connection.send(_ASKED)
    connection.send(_ASKED_ALL)
    try:
        async with asyncio.timeout(limits.seconds):
            stream.writer.write(_event_bytes(method, target, headers, body))
            await stream.writer.drain()
            response = await _read_response(connection, stream, limits)
    except h11.RemoteProtocolError as error:
        if error.error_status_hint == 431:
            raise HeadersTooLargeError("The headers are too large.") from error
        raise HttpError(f"The response is not valid HTTP: {error}") from error
    except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError) as error:
        raise HttpError(f"The connection broke: {error}") from error
    reusable = (
        not response.truncated
        and connection.our_state is h11.DONE
        and connection.their_state is h11.DONE
    )
    return response, reusable


def _requestable(url: str) -> UrlParts:
    """Take a URL apart; raises `HttpError` for what no request can be sent to.

    URLs come from the implementation under test: `http://[` is its fault, not ours.
    """
    parts = split_url(url)
    try:
        port = parts.port
        parts.host.encode("idna")
    except ValueError as error:
        raise HttpError(f"{url!r} cannot be requested: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.host or port is None:
        raise HttpError("Only absolute http and https URLs can be requested.")
    return parts


@dataclass(slots=True)
class HttpClient:
    """A client for the parties: resolves, dials, keeps connections, follows nothing.

    One per scenario, so that connections never mix scenarios.
    """

    dialer: Dialer
    resolver: Resolver
    trust: ssl.SSLContext
    limits: Limits = field(default_factory=Limits)
    _idle: dict[tuple[str, str, int], list[Stream]] = field(default_factory=dict)

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes = b"",
    ) -> Response:
        """Send a request to an absolute URL, which leaves byte for byte.

        Raises `HttpError`, `OSError` or `TimeoutError` when there is no response.
        """
        parts = _requestable(url)
        if not any(name.lower() == "host" for name, _ in headers):
            headers = (("Host", (parts.authority or "").rpartition("@")[2]), *headers)
        stream, used_before = await self._connect(parts)
        try:
            response, reusable = await self._exchange(
                stream, method, parts.target, headers, body
            )
        except HttpError:
            if not used_before:
                raise
            stream = await self._open(parts)
            response, reusable = await self._exchange(
                stream, method, parts.target, headers, body
            )
        if reusable:
            self._idle.setdefault(self._key(parts), []).append(stream)
        else:
            await stream.close()
        return response

    async def _exchange(
        self, stream: Stream, method: str, target: str, headers: Headers, body: bytes
    ) -> tuple[Response, bool]:
        """Send one request; a stream that did not answer is closed."""
        try:
            return await exchange(stream, method, target, headers, body, self.limits)
        except BaseException:
            await stream.close()
            raise

    @staticmethod
    def _key(parts: UrlParts) -> tuple[str, str, int]:
        return (parts.scheme or "", parts.host, parts.port or 0)

    async def _connect(self, parts: UrlParts) -> tuple[Stream, bool]:
        idle = self._idle.get(self._key(parts), [])
        while idle:
            stream = idle.pop()
            if not stream.reader.at_eof() and not stream.writer.is_closing():
                return stream, True
            await stream.close()
        return await self._open(parts), False

    async def _open(self, parts: UrlParts) -> Stream:
        host, port = parts.host, parts.port
        assert port is not None
        literal = literal_address(host)
        addresses = [literal] if literal else await self.resolver.resolve(host)
        async with asyncio.timeout(self.limits.seconds):
            return await self.dialer.dial(
                addresses[0],
                port,
                tls=self.trust if parts.scheme == "https" else None,
                server_hostname=host.strip("[]"),
            )

    async def close(self) -> None:
        """Close every kept connection."""
        for streams in self._idle.values():
            for stream in streams:
                await stream.close()
        self._idle.clear()
