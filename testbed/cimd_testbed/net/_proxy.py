"""A way into the embedded network for a person: an HTTP proxy that knows CONNECT.

It leads to the names and addresses of the run, which are all our own, and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib

from cimd_testbed.net._contacts import Arrival
from cimd_testbed.net._network import LOOPBACK, EmbeddedNetwork

VISITOR = "visitor"
"""The label of what comes in here: it is no evidence against anybody."""

_HEAD_SECONDS = 10.0
_CHUNK = 65536


class VisitorProxy:
    """Takes `CONNECT host:port` on a port of 127.0.0.1."""

    def __init__(self, network: EmbeddedNetwork) -> None:
        self._network = network
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, str(LOOPBACK), 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Take nobody else in."""
        if self._server is not None:
            self._server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            try:
                onward = await self._onward(reader)
            except (OSError, ValueError, TimeoutError, asyncio.LimitOverrunError):
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await splice((reader, writer), onward)
        writer.close()

    async def _onward(
        self, reader: asyncio.StreamReader
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Read whom to connect to, and connect; raises `OSError` or `ValueError`."""
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        method, authority, _version = head.split(b"\r\n")[0].decode("ascii").split(" ")
        host, colon, port = authority.rpartition(":")
        if method != "CONNECT" or not colon:
            raise ValueError(f"{method} is not what this proxy is for.")
        resolver = self._network.resolver(VISITOR)
        address = (await resolver.resolve(host.strip("[]")))[0]
        sock = await self._network.connect(
            Arrival(address, int(port), LOOPBACK, VISITOR)
        )
        return await asyncio.open_connection(sock=sock)


async def splice(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Copy both ways until either side ends."""
    copies = [
        asyncio.create_task(_copy(one[0], other[1])),
        asyncio.create_task(_copy(other[0], one[1])),
    ]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        other[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
