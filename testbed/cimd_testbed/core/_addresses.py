"""Which addresses a server may fetch from: the special-purpose registries as a table.

Transcribed from the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890
and its updates), the multicast registries, and the deprecated forms that stacks still
route. `ipaddress.is_global` is not used: its answer changes with the Python version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from cimd_testbed.core._combine import strictest
from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._embedded import EMBEDDINGS, Decoder

IPAddress = IPv4Address | IPv6Address

_PUBLIC = "cimd-fetch-on-url-client-id"
_EMBEDDED = "cimd-ssrf-mapped-and-transition-v6"
_LATER = "cimd-ssrf-later-iana-entries"
_RESERVED = "cimd-ssrf-test-bench-reserved"
_UNREGISTERED = "cimd-ssrf-unregistered-forms"
_REACHABLE = "cimd-ssrf-globally-reachable"


@dataclass(frozen=True, slots=True)
class SpecialBlock:
    """One row of the registries; `reachable` is its column "Globally Reachable"."""

    network: IPv4Network | IPv6Network
    name: str
    clause: str
    reachable: bool = False


def _rows(
    *rows: tuple[str, str, str], reachable: bool = False
) -> tuple[SpecialBlock, ...]:
    return tuple(
        SpecialBlock(ip_network(network), name, clause, reachable)
        for network, name, clause in rows
    )


SPECIAL_BLOCKS: tuple[SpecialBlock, ...] = (
    *_rows(
        ("0.0.0.0/8", "this network", "cimd-ssrf-unspecified"),
        ("10.0.0.0/8", "private use", "cimd-ssrf-rfc1918"),
        ("100.64.0.0/10", "shared address space", "cimd-ssrf-shared-cgn"),
        ("127.0.0.0/8", "loopback", "cimd-ssrf-loopback-v4"),
        ("169.254.0.0/16", "link local", "cimd-ssrf-link-local-metadata"),
        ("172.16.0.0/12", "private use", "cimd-ssrf-rfc1918"),
        ("192.0.0.0/24", "IETF protocol assignments", _RESERVED),
        ("192.0.2.0/24", "documentation", _RESERVED),
        ("192.88.99.0/24", "deprecated 6to4 relay", _REACHABLE),
        ("192.168.0.0/16", "private use", "cimd-ssrf-rfc1918"),
        ("198.18.0.0/15", "benchmarking", _RESERVED),
        ("198.51.100.0/24", "documentation", _RESERVED),
        ("203.0.113.0/24", "documentation", _RESERVED),
        ("224.0.0.0/4", "multicast", "cimd-ssrf-multicast"),
        ("240.0.0.0/4", "reserved", _RESERVED),
        ("255.255.255.255/32", "limited broadcast", _RESERVED),
        ("::1/128", "loopback", "cimd-ssrf-loopback-v6"),
        ("::/128", "unspecified", "cimd-ssrf-unspecified"),
        ("::/96", "IPv4-compatible, deprecated", _UNREGISTERED),
        ("::ffff:0:0/96", "IPv4-mapped", _EMBEDDED),
        ("::ffff:0:0:0/96", "IPv4-translated", _UNREGISTERED),
        ("64:ff9b:1::/48", "local-use NAT64", _EMBEDDED),
        ("100::/64", "discard only", "cimd-ssrf-ula-v6"),
        ("100:0:0:1::/64", "dummy prefix", _LATER),
        ("2001::/32", "Teredo", _EMBEDDED),
        ("2001:2::/48", "benchmarking", _RESERVED),
        ("2001::/23", "IETF protocol assignments", "cimd-ssrf-ula-v6"),
        ("2001:db8::/32", "documentation", _RESERVED),
        ("2002::/16", "6to4", _EMBEDDED),
        ("3fff::/20", "documentation", _LATER),
        ("5f00::/16", "segment routing identifiers", _LATER),
        ("fc00::/7", "unique local", "cimd-ssrf-ula-v6"),
        ("fe80::/10", "link local", "cimd-ssrf-link-local-metadata"),
        ("fec0::/10", "site local, deprecated", _UNREGISTERED),
        ("ff00::/8", "multicast", "cimd-ssrf-multicast"),
    ),
    *_rows(
        ("192.0.0.9/32", "port control protocol anycast", _REACHABLE),
        ("192.0.0.10/32", "TURN anycast", _REACHABLE),
        ("192.31.196.0/24", "AS112", _REACHABLE),
        ("192.52.193.0/24", "AMT", _REACHABLE),
        ("192.175.48.0/24", "AS112 direct delegation", _REACHABLE),
        ("64:ff9b::/96", "well-known NAT64", _EMBEDDED),
        ("2620:4f:8000::/48", "AS112 direct delegation", _REACHABLE),
        reachable=True,
    ),
)
"""Every special-purpose block; blocks inside `192.0.0.0/24` and `2001::/23` that are
reachable are refused with the block around them, which no client host needs."""


def judge_address(
    address: IPAddress,
    blocks: Iterable[SpecialBlock] = SPECIAL_BLOCKS,
    embeddings: Mapping[str, Decoder] = EMBEDDINGS,
) -> Decision:
    """Judge one address, and every IPv4 address hidden in it (CIMD-03 section 9.6).

    Reachable special-purpose blocks are free: RFC 6890 lists them, today's networks
    route them.
    """
    blocks = tuple(blocks)

    def judgements(candidate: IPAddress) -> Iterable[Decision]:
        for block in blocks:
            if candidate.version == block.network.version and (
                candidate in block.network
            ):
                if block.reachable:
                    yield free(block.clause, f"The address is special: {block.name}.")
                else:
                    yield refuse(block.clause, f"The address is for {block.name}.")

    own = strictest(judgements(address), _PUBLIC)
    if own.refused or isinstance(address, IPv4Address):
        return own
    for form, decode in embeddings.items():
        for hidden in decode(address):
            if strictest(judgements(hidden), _PUBLIC).refused:
                clause = _UNREGISTERED if form == "isatap" else _EMBEDDED
                return refuse(clause, "The address hides a special-use IPv4 address.")
    return own


def judge_addresses(
    addresses: tuple[IPAddress, ...],
    blocks: Iterable[SpecialBlock] = SPECIAL_BLOCKS,
    embeddings: Mapping[str, Decoder] = EMBEDDINGS,
) -> Decision:
    """Judge all answers of a name: one bad address spoils it (CIMD-03 section 9.6)."""
    if not addresses:
        return refuse(_PUBLIC, "The name has no address.")
    blocks = tuple(blocks)
    each = (judge_address(address, blocks, embeddings) for address in addresses)
    return strictest(each, _PUBLIC)


def public_addresses(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    """Accept a host only when each of its addresses is public (CIMD-03 section 9.6).

    What the host is called does not matter: `localtest.me` is as local as `localhost`.
    """
    del host
    return judge_addresses(addresses)


def development_addresses(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    """Also accept loopback, for a development server that is itself on loopback.

    CIMD-03 section 9.6: the exception must never be used in production.
    """
    del host
    if addresses and all(address.is_loopback for address in addresses):
        return accept("cimd-ssrf-dev-loopback-exception")
    return judge_addresses(addresses)


_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def literal_address(host: str) -> IPAddress | None:
    """Return the address that a host spells out, or None when it is a name.

    IPv4 is read as `inet_aton` and every browser read it: one to four numbers in
    decimal, octal or hexadecimal. What the platform would connect to must be judged.
    """
    if host.startswith("[") and host.endswith("]"):
        try:
            return IPv6Address(host[1:-1].replace("%25", "%"))
        except ValueError:
            return None
    parts = host.removesuffix(".").split(".")
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_inet_number(part) for part in parts]
    except ValueError:
        return None
    *leading, last = numbers
    if any(number > 255 for number in leading) or last >= 256 ** (5 - len(parts)):
        return None
    value = last
    for position, number in enumerate(leading):
        value += number << 8 * (3 - position)
    return ip_address(value)


def _inet_number(text: str) -> int:
    if text[:2] in ("0x", "0X"):
        return int(text[2:] or "0", 16)
    if text.startswith("0") and len(text) > 1:
        return int(text, 8)
    return int(text)
