"""Which addresses the testbed owns, and which it promises to be nobody's."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_BROADCAST = IPv4Address("255.255.255.255")


def _ranges(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_SPECIAL_USE = _ranges(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
    *("169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"),
    *("192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("240.0.0.0/4", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"),
    *("64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10"),
)
_JUST_OUTSIDE = _ranges(
    *("9.255.255.0/24", "11.0.0.0/24", "100.128.0.0/24", "128.0.0.0/24"),
    *("169.253.255.0/24", "172.15.255.0/24", "172.32.0.0/24", "192.169.0.0/24"),
    *("198.20.0.0/24", "223.255.255.0/24"),
)
"""Public neighbours of special-use ranges, which a guard must not refuse."""

LAB_RANGES = (
    *_SPECIAL_USE,
    *_JUST_OUTSIDE,
    *_ranges("93.184.215.0/24", "93.184.216.0/24", "93.184.224.0/19"),
    *_ranges("2606:2800:220:1::/64"),
)
"""Every address that the testbed owns: special-use ranges, their neighbours, and four
public-looking networks (servers, addresses with a meaning, client hosts, IPv6)."""
UNDIALLED_RANGES = _ranges("224.0.0.0/4", "ff00::/8")
"""Multicast, which is nobody's in the lab: no kernel sends a SYN there."""


def dialled_by_no_kernel(address: IPv4Address | IPv6Address) -> bool:
    """Whether the kernel refuses a TCP connection there before any packet.

    Linux: multicast and broadcast are ENETUNREACH, link-local without a zone is EINVAL.
    """
    return (
        address.is_multicast
        or address == _BROADCAST
        or (address.version == 6 and address.is_link_local and not address.scope_id)
    )
