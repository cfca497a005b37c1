"""How an answer travels: at once, in drips, without an end; and who ended it.

A party that answers slowly watches the other end: how long the connection was kept, how
much was taken, and who closed it is evidence that no answer of the target can give.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import zlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from cimd_testbed.net import Response, Stream

DRIP_SECONDS = 0.5
MOST_BYTES = 8 << 20
"""What is sent of an answer without an end; a server that took it all has no cap."""

_PIECE = 1 << 16


class Ending(enum.StrEnum):
    """Who ended an answer."""

    COMPLETE = "complete"
    """All of it was sent."""
    BY_TARGET = "by-target"
    """The target closed the connection before the end."""
    BY_US = "by-us"
    """Our patience, or what we were willing to send, came to its end first."""
    ABANDONED = "abandoned"
    """The target went on without it and left the connection open."""


class Pace(Protocol):
    """The time in which answers are delivered."""

    def now(self) -> float:
        """Return the time in seconds; only differences mean something."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class RealPace:
    """Time as it passes."""

    def now(self) -> float:
        """Return the event loop's time."""
        return asyncio.get_running_loop().time()

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class MovedPace:
    """Time that is moved on instead of waited for: `advance` moves the target's clock.

    What the target does about it takes a moment of real time.
    """

    clock: Callable[[], float]
    advance: Callable[[float], None]

    def now(self) -> float:
        """Return the moved time."""
        return self.clock()

    async def pause(self, seconds: float) -> None:
        """Move the clock, and let others act on it."""
        self.advance(seconds)
        await asyncio.sleep(0.001)


@dataclass(slots=True)
class Delivery:
    """What became of one answer; `ended` is None while it is under way."""

    ended: Ending | None = None
    seconds: float = 0.0
    sent: int = 0
    """Bytes handed to the network: at the most so many were taken."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    async def settle(self, grace: float) -> None:
        """Wait for the end; after `grace` seconds it counts as abandoned."""
        for _ in range(2):  # for its end, then for us to end it
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.over.wait()
            self._left.set()


Piece = bytes | float
"""Bytes to send, or seconds to wait."""


async def deliver(
    stream: Stream,
    pieces: Iterable[Piece],
    delivery: Delivery,
    pace: Pace,
    patience: float,
) -> None:
    """Send the pieces until they end, the peer goes, or patience (in seconds) ends."""
    begun = pace.now()
    gone = asyncio.ensure_future(_closed(stream))
    left = asyncio.ensure_future(delivery._left.wait())  # noqa: SLF001 - our own
    try:
        ended = Ending.COMPLETE
        for piece in pieces:
            if isinstance(piece, bytes):
                work = _write(stream, piece)
                delivery.sent += len(piece)
            else:
                work = pace.pause(piece)
            await _first(work, gone, left, patience)
            delivery.seconds = pace.now() - begun
            if gone.done():
                ended = Ending.BY_TARGET
            elif left.done():
                ended = Ending.ABANDONED
            elif delivery.seconds >= patience or delivery.sent >= MOST_BYTES:
                ended = Ending.BY_US
            if ended is not Ending.COMPLETE:
                break
        delivery.ended = ended
    finally:
        for task in (gone, left):
            task.cancel()
        await asyncio.gather(gone, left, return_exceptions=True)
        delivery.ended = delivery.ended or Ending.BY_US
        delivery.over.set()


async def _first(
    work: Coroutine[Any, Any, None],
    gone: asyncio.Task[Any],
    left: asyncio.Task[Any],
    seconds: float,
) -> None:
    """Wait for a piece of work, or for what makes it pointless."""
    task: asyncio.Task[Any] = asyncio.ensure_future(work)
    try:
        await asyncio.wait(
            {task, gone, left},
            timeout=seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _write(stream: Stream, piece: bytes) -> None:
    with contextlib.suppress(OSError):
        stream.writer.write(piece)
        await stream.writer.drain()


async def _closed(stream: Stream) -> None:
    """Return when the peer has closed the connection; what it sends is ignored."""
    with contextlib.suppress(OSError):
        while await stream.reader.read(_PIECE):
            pass


# --- what travels -------------------------------------------------------------------


def head_of(response: Response) -> bytes:
    """Return the status line and the headers, without the empty line."""
    lines = [f"HTTP/1.1 {response.status} Answer"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return ("\r\n".join(lines) + "\r\n").encode()


def slow_body(response: Response) -> Iterator[Piece]:
    """Give the head at once, the body in drips of one byte."""
    length = f"Content-Length: {len(response.body)}\r\n\r\n".encode()
    yield head_of(response) + length
    for position in range(len(response.body)):
        yield DRIP_SECONDS
        yield response.body[position : position + 1]


def slow_head(response: Response) -> Iterator[Piece]:
    """Give the headers in drips of one byte, and no end of them."""
    yield head_of(response) + b"X-Slow: "
    while True:
        yield DRIP_SECONDS
        yield b"x"


def silence() -> Iterator[Piece]:
    """Give nothing at all."""
    while True:
        yield DRIP_SECONDS


def endless_head(response: Response) -> Iterator[Piece]:
    """Give header after header."""
    yield head_of(response)
    lines = b"".join(b"X-Filler-%d: %s\r\n" % (n, b"x" * 1000) for n in range(64))
    while True:
        yield lines


def endless_body(response: Response, *, chunked: bool) -> Iterator[Piece]:
    """Give a valid document that never ends: chunked, or framed by the close."""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Connection: close"
    yield head_of(response) + framing + b"\r\n\r\n"
    beginning = response.body.rstrip()[:-1] + b', "padding": "'
    yield chunk(beginning) if chunked else beginning
    more = chunk(b"x" * _PIECE) if chunked else b"x" * _PIECE
    while True:
        yield more


def chunk(data: bytes) -> bytes:
    """Return one chunk (RFC 9112 section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def in_chunks(body: bytes) -> bytes:
    """Return a whole body in one chunk."""
    return chunk(body) + b"0\r\n\r\n" if body else b"0\r\n\r\n"


def compressed(body: bytes, coding: str) -> bytes:
    """Return a body in a content coding: `gzip` or `deflate`; raises `ValueError`."""
    bits = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}.get(coding)
    if bits is None:
        raise ValueError(f"There is no content coding {coding!r} here.")
    packer = zlib.compressobj(6, zlib.DEFLATED, bits)
    return packer.compress(body) + packer.flush()
