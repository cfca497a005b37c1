"""IPv4 addresses inside IPv6 addresses: each transition mechanism hides one.

A guard that looks at IPv6 bits alone lets `64:ff9b::a9fe:a9fe` through, which a NAT64
gateway delivers to 169.254.169.254.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from types import MappingProxyType

Decoder = Callable[[IPv6Address], tuple[IPv4Address, ...]]


def _bits(address: IPv6Address, first: int) -> IPv4Address:
    """Return the 32 bits that begin at bit `first`, counted from the left."""
    return IPv4Address(int(address) >> (96 - first) & 0xFFFFFFFF)


_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP_IDS = frozenset({0x00005EFE, 0x02005EFE})


def mapped(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """IPv4-mapped, `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2)."""
    return (_bits(address, 96),) if address in _MAPPED else ()


def compatible(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """IPv4-compatible, `::a.b.c.d` (RFC 4291 section 2.5.5.1, deprecated)."""
    return (_bits(address, 96),) if address in _COMPATIBLE else ()


def translated(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """IPv4-translated, `::ffff:0:a.b.c.d` (RFC 2765 section 2.1)."""
    return (_bits(address, 96),) if address in _TRANSLATED else ()


def nat64(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Behind the well-known NAT64 prefix (RFC 6052 section 2.1)."""
    return (_bits(address, 96),) if address in _NAT64 else ()


def nat64_local(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Behind a local-use NAT64 prefix (RFC 8215), for each length RFC 6052 allows."""
    if address not in _NAT64_LOCAL:
        return ()
    value = int(address)
    low = value & 0xFFFFFFFFFFFFFFFF
    after_48 = (value >> 64 & 0xFFFF) << 16 | low >> 40 & 0xFFFF
    after_56 = (value >> 64 & 0xFF) << 24 | low >> 32 & 0xFFFFFF
    after_64 = low >> 24 & 0xFFFFFFFF
    found = (after_48, after_56, after_64, low & 0xFFFFFFFF)
    return tuple(IPv4Address(item) for item in found)


def six_to_four(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """6to4, `2002:AABB:CCDD::` (RFC 3056 section 2)."""
    return (_bits(address, 16),) if address in _SIX_TO_FOUR else ()


def teredo(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Teredo's server, and its client with every bit flipped (RFC 4380 section 4)."""
    if address not in _TEREDO:
        return ()
    client = IPv4Address(int(_bits(address, 96)) ^ 0xFFFFFFFF)
    return (_bits(address, 32), client)


def isatap(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """ISATAP's interface identifier, `…:0:5efe:a.b.c.d` (RFC 5214 section 6.1)."""
    marked = int(address) >> 32 & 0xFFFFFFFF in _ISATAP_IDS
    return (_bits(address, 96),) if marked else ()


EMBEDDINGS: Mapping[str, Decoder] = MappingProxyType(
    {
        "mapped": mapped,
        "compatible": compatible,
        "translated": translated,
        "nat64": nat64,
        "nat64-local": nat64_local,
        "6to4": six_to_four,
        "teredo": teredo,
        "isatap": isatap,
    }
)
"""Every mechanism that this guard knows, by name."""
