"""A forward proxy, such as servers are told of by `HTTPS_PROXY`.

It connects to wherever it is asked to, as such proxies do, and what it does is the
target's: a guard that judges the way to the proxy alone has judged nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from urllib.parse import urlsplit

from cimd_testbed.net._contacts import Arrival, Depth
from cimd_testbed.net._dialer import Stream
from cimd_testbed.net._http import Request, Response
from cimd_testbed.net._listener import Listener, Service
from cimd_testbed.net._network import Network, ZoneResolver
from cimd_testbed.net._proxy import splice

EGRESS_HOST = "proxy.cimd-egress.net"
EGRESS_ADDRESS = ipaddress.IPv4Address("93.184.215.40")
EGRESS_PORT = 3128
EGRESS_URL = f"http://{EGRESS_HOST}:{EGRESS_PORT}"

_HEAD_SECONDS = 10.0
_REFUSED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_PROXIED = ("http_proxy", "https_proxy", "all_proxy")


def egress_environment() -> dict[str, str]:
    """Return the variables by which programs find the proxy."""
    names = [*_PROXIED, *(name.upper() for name in _PROXIED)]
    inside = "localhost,127.0.0.1,::1"
    return {
        **dict.fromkeys(names, EGRESS_URL),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), inside),
        "NODE_USE_ENV_PROXY": "1",
    }


class EgressProxy:
    """Takes `CONNECT host:port` and requests for whole URLs, on a name of its own."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.asked: list[str] = []
        """What it was asked for, oldest first: `CONNECT host:port`, `GET http://…`."""

    async def start(self) -> Listener | None:
        """Serve; return the listener where it can be closed before its network."""
        self._network.zone.point(EGRESS_HOST, EGRESS_ADDRESS)
        contacts = self._network.contacts
        service = Service(_unused, None, contacts, serve=self._serve)
        return await self._network.listen(EGRESS_ADDRESS, EGRESS_PORT, service)

    async def _serve(self, client: Stream, arrival: Arrival) -> None:
        del arrival
        try:
            with contextlib.suppress(OSError, EOFError):
                await self._pass_on(client)
        finally:
            client.writer.close()

    async def _pass_on(self, client: Stream) -> None:
        try:
            first, rest = await self._head(client)
            onward, said = await self._onward(first, rest)
        except (OSError, ValueError, TimeoutError, asyncio.LimitOverrunError):
            client.writer.write(_REFUSED)
            await client.writer.drain()
            return
        (onward if said else client).writer.write(said or _ESTABLISHED)
        ends = (onward.reader, onward.writer)
        await splice((client.reader, client.writer), ends)

    async def _head(self, client: Stream) -> tuple[str, bytes]:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await client.reader.readuntil(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        method, target, _version = first.decode("latin-1").split(" ")
        self.asked.append(f"{method} {target}")
        return f"{method} {target}", rest

    async def _onward(self, first: str, rest: bytes) -> tuple[Stream, bytes]:
        """Connect on, and return what has to be said there of the request.

        Raises `OSError` when there is no connection, `ValueError` for other requests.
        """
        method, _, target = first.partition(" ")
        if method == "CONNECT":  # some clients leave the brackets of IPv6 out
            host, _, port = target.rpartition(":")
            return await self._dial(host.strip("[]"), int(port)), b""
        parts = urlsplit(target)
        if parts.scheme != "http":
            raise ValueError(f"{target} is nothing that a proxy is asked for.")
        stream = await self._dial(parts.hostname or "", parts.port or 80)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        request = f"{method} {path} HTTP/1.1\r\nConnection: close\r\n"
        return stream, request.encode("latin-1") + rest

    async def _dial(self, host: str, port: int) -> Stream:
        """Connect as the target would, with a name at the contact that tells it."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            address = (await ZoneResolver(self._network.zone, None).resolve(host))[0]
        told = f"{host} (through the proxy)"
        self._network.contacts.record(Depth.TCP, address, port, name=told)
        return await self._network.dialer(None).dial(address, port)


async def _unused(_request: Request) -> Response:
    raise AssertionError("The proxy passes streams on and answers nothing itself.")
