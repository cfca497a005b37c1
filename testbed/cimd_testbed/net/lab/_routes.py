"""Loopback up, every address of `LAB_RANGES` local to it (AnyIP routes), one dead.

The netlink messages are packed by hand: two dozen routes take under a millisecond,
while importing `pyroute2` for them costs about 0.15 s, more than the rest of the lab,
and `ip` is not installed everywhere.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cimd_testbed.net._contacts import IPAddress
from cimd_testbed.net._leases import DEAD_ADDRESS

_NEWLINK, _NEWADDR, _NEWROUTE = 16, 20, 24
_OPPOSITE = {_NEWADDR: 21, _NEWROUTE: 25}
_REQUEST_ACK_CREATE = 0x0001 | 0x0004 | 0x0400
_LO = 1
_IFF_UP = 1
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_HOST = 0, 253, 254
_PROTOCOL_STATIC = 4
_TYPE_LOCAL, _TYPE_MULTICAST = 2, 5
_TABLE_MAIN = 254
_SCOPES = {
    (4, _TYPE_LOCAL): _SCOPE_HOST,
    (6, _TYPE_LOCAL): _SCOPE_UNIVERSE,
    (4, _TYPE_MULTICAST): _SCOPE_LINK,  # its source is then no loopback address
}
_ATTRIBUTE_DST, _ATTRIBUTE_OIF = 1, 4
_ATTRIBUTE_ADDRESS, _ATTRIBUTE_LOCAL = 1, 2

_SYSCTLS = {
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/lo/disable_ipv6": "0",
    # Our own parties take their source port before they connect, so the ports of
    # one address must outlast TIME_WAIT at hundreds of connections per second.
    "net/ipv4/ip_local_port_range": "10240 65000",
    "net/ipv4/tcp_max_tw_buckets": "4096",
}


@dataclass(slots=True)
class Routes:
    """Addresses and routes of `lo`, and what was there before.

    They end with a namespace that we made; one that was adopted gets back what it had.
    """

    ipv6: bool = False
    """Whether IPv6 works here; without it, the IPv6 ranges are left out."""
    _before: dict[Path, str] = field(default_factory=dict)
    _added: list[tuple[int, bytes]] = field(default_factory=list)

    def open(
        self, ranges: Iterable[IPv4Network | IPv6Network], own: Iterable[IPAddress]
    ) -> None:
        """Bring loopback up with the addresses `own` and make `ranges` local.

        Needs CAP_NET_ADMIN in this network namespace; raises `OSError` without.
        """
        for name, value in _SYSCTLS.items():
            self._set(Path("/proc/sys", name), value)
        with _netlink() as netlink:
            up = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LO, _IFF_UP, _IFF_UP)
            _ask(netlink, _NEWLINK, up)
            self.ipv6 = Path("/proc/net/if_inet6").exists() and _has_ipv6_loopback()
            for address in own:
                if address.version == 4 or self.ipv6:
                    self._add(netlink, _NEWADDR, _address_message(address))
            for network in ranges:
                if (network.version == 4 or self.ipv6) and not _needs_no_route(network):
                    self._add(netlink, _NEWROUTE, _route_message(network, _TYPE_LOCAL))
            # The kernel makes no TCP connection where a route says multicast. For UDP
            # it is like any other address, so that resolvers do not sort it to the end.
            dead = IPv4Network(DEAD_ADDRESS)
            self._add(netlink, _NEWROUTE, _route_message(dead, _TYPE_MULTICAST))

    def withdraw(self) -> None:
        """Take back what `open` has added; what fails is let be."""
        with _netlink() as netlink:
            for kind, body in reversed(self._added):
                with suppress(OSError):
                    _ask(netlink, _OPPOSITE[kind], body)
        self._added.clear()
        for path, value in self._before.items():
            with suppress(OSError):
                path.write_text(value)
        self._before.clear()

    def _set(self, path: Path, value: str) -> None:
        with suppress(OSError):  # absent, or /proc/sys is read-only
            before = path.read_text()
            path.write_text(value)
            self._before[path] = before

    def _add(self, netlink: socket.socket, kind: int, body: bytes) -> None:
        if _ask(netlink, kind, body):
            self._added.append((kind, body))


def may_configure() -> bool:
    """Whether this process may change addresses and routes; it brings `lo` up."""
    up = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LO, _IFF_UP, _IFF_UP)
    with _netlink() as netlink:
        try:
            _ask(netlink, _NEWLINK, up)
        except OSError:
            return False
    return True


def _netlink() -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    netlink.bind((0, 0))
    return netlink


def _has_ipv6_loopback() -> bool:
    return bool(Path("/proc/net/if_inet6").read_text().strip())


def _needs_no_route(network: IPv4Network | IPv6Network) -> bool:
    """127.0.0.0/8 is local already, and mapped addresses travel as IPv4."""
    return str(network) in {"127.0.0.0/8", "::ffff:0:0/96"}


def _family(address: IPAddress) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _attribute(kind: int, payload: bytes) -> bytes:
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


def _address_message(address: IPAddress) -> bytes:
    header = struct.pack(
        "=BBBBI", _family(address), address.max_prefixlen, 0, _SCOPE_UNIVERSE, _LO
    )
    return (
        header
        + _attribute(_ATTRIBUTE_LOCAL, address.packed)
        + _attribute(_ATTRIBUTE_ADDRESS, address.packed)
    )


def _route_message(network: IPv4Network | IPv6Network, kind: int) -> bytes:
    family = _family(network.network_address)
    header = struct.pack(
        "=BBBBBBBBI",
        *(family, network.prefixlen, 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC),
        *(_SCOPES[network.version, kind], kind, 0),
    )
    return (
        header
        + _attribute(_ATTRIBUTE_DST, network.network_address.packed)
        + _attribute(_ATTRIBUTE_OIF, struct.pack("=I", _LO))
    )


def _ask(netlink: socket.socket, kind: int, body: bytes) -> bool:
    """Send one request and wait for its acknowledgement; False: it exists already.

    Raises `OSError` with the kernel's error number.
    """
    header = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_ACK_CREATE, 1, 0)
    netlink.send(header + body)
    (negative_errno,) = struct.unpack_from("=i", netlink.recv(65536), 16)
    if negative_errno and -negative_errno != errno.EEXIST:
        raise OSError(-negative_errno, os.strerror(-negative_errno))
    return not negative_errno
