"""The wire tap: every SYN on `lo`, also to ports that nobody listens on.

A TLS failure or a refused connection is not proof that nothing was sent, so the depth
TCP of a contact comes from here and not from a listener's accept.
"""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from cimd_testbed.net._contacts import IPAddress

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_RECEIVE_BUFFER = 8 << 20
_REMEMBERED = 4096

_FILTER = (
    (0x20, 0, 0, 0xFFFFF004),  # A = packet type
    (0x15, 0, 17, 4),  # on lo each packet shows up twice: keep the outgoing copy
    (0x28, 0, 0, 0xFFFFF000),  # A = protocol
    (0x15, 0, 7, 0x0800),  # IPv4?
    (0x30, 0, 0, 9),
    (0x15, 0, 13, 6),  # TCP
    (0x28, 0, 0, 6),
    (0x45, 11, 0, 0x1FFF),  # the first fragment
    (0xB1, 0, 0, 0),  # X = length of the IP header
    (0x50, 0, 0, 13),  # A = flags
    (0x05, 0, 0, 5),
    (0x15, 0, 7, 0x86DD),  # IPv6?
    (0x30, 0, 0, 6),
    (0x15, 0, 5, 6),  # TCP
    (0x30, 0, 0, 53),  # A = flags
    (0x05, 0, 0, 0),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),  # SYN without ACK
    (0x06, 0, 0, 128),  # keep
    (0x06, 0, 0, 0),  # drop
)
"""Classic BPF, so that only SYNs wake us and bulk data costs nothing."""


@dataclass(frozen=True, slots=True)
class Syn:
    """One attempt to connect, as seen on the wire."""

    source: IPAddress
    source_port: int
    address: IPAddress
    port: int


@dataclass(slots=True)
class Tap:
    """Reads SYNs from a raw socket on `lo` and gives each attempt to `on_syn` once."""

    on_syn: Callable[[Syn], None]
    _sock: socket.socket | None = None
    _seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _lost: int = 0

    def start(self) -> None:
        """Begin to listen; needs CAP_NET_RAW."""
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            _attach_filter(sock)
            _enlarge_buffer(sock)
            sock.setblocking(False)
            sock.bind(("lo", _ETH_P_ALL))
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        asyncio.get_running_loop().add_reader(sock, self.drain)

    def drain(self) -> None:
        """Report everything that was on the wire until now.

        On loopback a SYN is in the socket before its `connect` returns, so after this
        call no earlier attempt is missing.
        """
        while self._sock is not None:
            try:
                packet = self._sock.recv(128)
            except BlockingIOError:
                return
            syn = self._first_sight(packet)
            if syn is not None:
                self.on_syn(syn)

    def lost(self) -> int:
        """Return how many SYNs the kernel dropped so far: evidence that is missing."""
        if self._sock is not None:
            size = struct.calcsize("=II")
            raw = self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, size)
            self._lost += struct.unpack("=II", raw)[1]
        return self._lost

    def close(self) -> None:
        """Stop listening."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None

    def _first_sight(self, packet: bytes) -> Syn | None:
        """Parse a SYN; None when it is a retransmission of one already reported."""
        if packet[0] >> 4 == 4:
            start = (packet[0] & 15) * 4
            ends = packet[12:16], packet[16:20]
        else:
            start = 40
            ends = packet[8:24], packet[24:40]
        key = ends[0] + ends[1] + packet[start : start + 8]
        if key in self._seen:
            return None
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        source_port, port = struct.unpack_from("!HH", packet, start)
        source, address = (ipaddress.ip_address(end) for end in ends)
        return Syn(source, source_port, address, port)


def _attach_filter(sock: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *line) for line in _FILTER)
    held = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("HL", len(_FILTER), ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, descriptor)


def _enlarge_buffer(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
