"""The lab's DNS: answers from the zone, on UDP and TCP, and outlives any query.

Every answer has TTL 0, so that a second lookup is seen, and its addresses come in the
order of the zone. A and AAAA are answered each for itself; other types of a known name
have no data, unknown names do not exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from cimd_testbed.net._contacts import IPAddress
from cimd_testbed.net._zone import Fault, Zone

DNS_ADDRESS = "127.0.0.1"
_PORT = 53
_UDP_SIZE = 1232
_TCP_SIZE = 65535
_IDLE_SECONDS = 30.0
_VERSIONS = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}
_NO_ADDRESS = 0
"""Asks the zone for addresses of no version: the name alone counts, and is recorded."""


def answer_query(zone: Zone, wire: bytes, *, limit: int = _TCP_SIZE) -> bytes | None:
    """Answer one query; None when it is not even a query that could be answered.

    `limit` is how many bytes the transport takes; less than the most means UDP.
    """
    try:
        query = dns.message.from_wire(wire, ignore_trailing=True)
        response = dns.message.make_response(query, recursion_available=True)
    except (dns.exception.DNSException, ValueError, struct.error):
        return _format_error(wire)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
        return response.to_wire()
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True)
    version = _VERSIONS.get(question.rdtype, _NO_ADDRESS)
    found = zone.lookup(name, version)
    fault = zone.fault_of(name)
    if fault is Fault.SILENT:
        return None
    if fault is Fault.SERVER_FAILURE:
        response.set_rcode(dns.rcode.SERVFAIL)
        return response.to_wire()
    if found is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    cut = fault is Fault.TRUNCATED and limit < _TCP_SIZE
    if cut:
        response.flags |= dns.flags.TC
    _fill(response, zone.chain(name)[1:], found[:1] if cut and found else found)
    return _fit(response, limit)


def _fill(
    response: dns.message.Message, aliases: list[str], found: list[IPAddress] | None
) -> None:
    """Add what the name is called elsewhere, and its addresses there."""
    question = response.question[0]
    owner = question.name
    for alias in aliases:
        _add(response, owner, dns.rdatatype.CNAME, [f"{alias}."])
        owner = dns.name.from_text(alias)
    if found:
        _add(response, owner, question.rdtype, [str(address) for address in found])


def asked_name(wire: bytes) -> str:
    """Return the name a query asks for, '' when it cannot be read."""
    try:
        query = dns.message.from_wire(wire, question_only=True)
        return query.question[0].name.to_text(omit_final_dot=True)
    except (dns.exception.DNSException, ValueError, IndexError, struct.error):
        return ""


def _add(
    response: dns.message.Message,
    owner: dns.name.Name,
    kind: dns.rdatatype.RdataType,
    texts: list[str],
) -> None:
    response.answer.append(
        dns.rrset.from_text_list(owner, 0, dns.rdataclass.IN, kind, texts)
    )


def _fit(response: dns.message.Message, limit: int) -> bytes:
    wire = response.to_wire(max_size=_TCP_SIZE, want_shuffle=False)
    if len(wire) <= limit:
        return wire
    response.answer.clear()
    response.flags |= dns.flags.TC
    return response.to_wire()


def _format_error(wire: bytes) -> bytes | None:
    """Refuse a malformed query by its id, but never answer an answer."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + bytes((0x80, dns.rcode.FORMERR)) + bytes(8)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None
        self.closed = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.closed.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = answer_query(self._zone, data, limit=_UDP_SIZE)
        if answer is None or self._transport is None:
            return
        loop = asyncio.get_running_loop()
        seconds = self._zone.seconds_for(asked_name(data))
        loop.call_later(seconds, self._send, answer, addr)

    def _send(self, answer: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)


@dataclass(slots=True)
class DnsServer:
    """Serves a zone at 127.0.0.1 port 53."""

    zone: Zone
    _datagrams: tuple[asyncio.DatagramTransport, _Datagrams] | None = None
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Open both sockets."""
        loop = asyncio.get_running_loop()
        self._datagrams = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self.zone), local_addr=(DNS_ADDRESS, _PORT)
        )
        self._server = await asyncio.start_server(self._accept, DNS_ADDRESS, _PORT)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _task: writer.close())

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    size = int.from_bytes(await reader.readexactly(2))
                    wire = await reader.readexactly(size)
                answer = answer_query(self.zone, wire)
                if answer is None:
                    return
                await asyncio.sleep(self.zone.seconds_for(asked_name(wire)))
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()

    async def close(self) -> None:
        """Close both sockets and every connection, so that a next server can start."""
        if self._datagrams is not None:
            transport, protocol = self._datagrams
            transport.close()
            await protocol.closed.wait()
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
