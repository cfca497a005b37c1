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
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cimd_testbed.net._contacts import IPAddress
from cimd_testbed.net._leases import DEAD_ADDRESS

_NEWLINK, _NEWADDR, _NEWROUTE = 16, 20, 24
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


def open_routes(
    ranges: Iterable[IPv4Network | IPv6Network], own: Iterable[IPAddress]
) -> bool:
    """Bring loopback up with the addresses `own` and make `ranges` local.

    Needs CAP_NET_ADMIN in this network namespace; raises `OSError` without. Returns
    whether IPv6 works here; without it, the IPv6 ranges are left out.
    """
    for name, value in _SYSCTLS.items():
        with suppress(OSError):  # absent, or /proc/sys is read-only
            Path("/proc/sys", name).write_text(value)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.bind((0, 0))
        up = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LO, _IFF_UP, _IFF_UP)
        _ask(netlink, _NEWLINK, up)
        ipv6 = Path("/proc/net/if_inet6").exists() and _has_ipv6_loopback()
        for address in own:
            if address.version == 4 or ipv6:
                _ask(netlink, _NEWADDR, _address_message(address))
        for network in ranges:
            if (network.version == 4 or ipv6) and not _needs_no_route(network):
                _ask(netlink, _NEWROUTE, _route_message(network, _TYPE_LOCAL))
        # The kernel makes no TCP connection where a route says multicast. For UDP the
        # address is like any other, so that resolvers do not sort it to the end.
        dead = IPv4Network(DEAD_ADDRESS)
        _ask(netlink, _NEWROUTE, _route_message(dead, _TYPE_MULTICAST))
    return ipv6


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


def _ask(netlink: socket.socket, kind: int, body: bytes) -> None:
    """Send one request and wait for its acknowledgement; what exists already is fine.

    Raises `OSError` with the kernel's error number.
    """
    header = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_ACK_CREATE, 1, 0)
    netlink.send(header + body)
    (negative_errno,) = struct.unpack_from("=i", netlink.recv(65536), 16)
    if negative_errno and -negative_errno != errno.EEXIST:
        raise OSError(-negative_errno, os.strerror(-negative_errno))
