"""Flaws in the guard over addresses: blocks and forms that are forgotten."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

from cimd_testbed import core
from cimd_testbed.core import Decision, IPAddress
from cimd_testbed.flaws._flaw import authorization_server as flaw

_WHOLE, _PART = IPv4Network("172.16.0.0/12"), IPv4Network("172.16.0.0/16")


@flaw(
    "link-local-forgotten",
    "addresses",
    "Link-local addresses, the cloud metadata service among them, are forgotten.",
)
def _link_local_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-link-local-metadata")


@flaw(
    "private-forgotten",
    "addresses",
    "Private-use addresses are forgotten.",
)
def _private_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-rfc1918")


@flaw(
    "private-range-cut-short",
    "addresses",
    "Of 172.16.0.0/12 only 172.16.0.0/16 is known.",
)
def _private_range_cut_short(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    blocks = [
        replace(row, network=_PART) if row.network == _WHOLE else row
        for row in core.SPECIAL_BLOCKS
    ]
    return core.judge_addresses(addresses, blocks)


@flaw(
    "loopback-forgotten",
    "addresses",
    "127.0.0.0/8 is forgotten.",
)
def _loopback_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-loopback-v4")


@flaw(
    "unspecified-forgotten",
    "addresses",
    "0.0.0.0/8 is forgotten.",
)
def _unspecified_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-unspecified")


@flaw(
    "shared-space-forgotten",
    "addresses",
    "Shared address space, 100.64.0.0/10, is forgotten.",
)
def _shared_space_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-shared-cgn")


@flaw(
    "reserved-forgotten",
    "addresses",
    "Test, benchmark and reserved networks are forgotten.",
)
def _reserved_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-test-bench-reserved")


@flaw(
    "unique-local-forgotten",
    "addresses",
    "IPv6 blocks that no router forwards, unique local among them, are forgotten.",
)
def _unique_local_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-ula-v6")


@flaw(
    "site-local-forgotten",
    "addresses",
    "Site-local IPv6 addresses are forgotten.",
)
def _site_local_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-unregistered-forms")


@flaw(
    "multicast-forgotten",
    "addresses",
    "Multicast addresses are forgotten.",
)
def _multicast_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-multicast")


@flaw(
    "later-registrations-forgotten",
    "addresses",
    "Blocks registered after RFC 6890 are forgotten.",
)
def _later_registrations_forgotten(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-later-iana-entries")


@flaw(
    "mapped-addresses-forgotten",
    "addresses",
    "IPv4-mapped IPv6 addresses are forgotten.",
)
def _mapped_addresses_forgotten(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    del host
    return _forget(addresses, embedding="mapped")


@flaw(
    "compatible-addresses-forgotten",
    "addresses",
    "IPv4-compatible IPv6 addresses are forgotten.",
)
def _compatible_addresses_forgotten(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    del host
    return _forget(addresses, embedding="compatible")


@flaw(
    "translated-addresses-forgotten",
    "addresses",
    "IPv4-translated IPv6 addresses are forgotten.",
)
def _translated_addresses_forgotten(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    del host
    return _forget(addresses, embedding="translated")


@flaw(
    "nat64-forgotten",
    "addresses",
    "Addresses behind the well-known NAT64 prefix are forgotten.",
)
def _nat64_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, embedding="nat64")


@flaw(
    "nat64-local-forgotten",
    "addresses",
    "Addresses behind local-use NAT64 prefixes are forgotten.",
)
def _nat64_local_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, embedding="nat64-local")


@flaw(
    "6to4-forgotten",
    "addresses",
    "6to4 addresses are forgotten.",
)
def _six_to_four_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, embedding="6to4")


@flaw(
    "teredo-forgotten",
    "addresses",
    "Teredo addresses are forgotten.",
)
def _teredo_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, embedding="teredo")


@flaw(
    "isatap-forgotten",
    "addresses",
    "ISATAP addresses are forgotten.",
)
def _isatap_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, embedding="isatap")


_EMBEDDED_BLOCKS = {
    "mapped": "::ffff:0:0/96",
    "compatible": "::/96",
    "translated": "::ffff:0:0:0/96",
    "nat64-local": "64:ff9b:1::/48",
    "6to4": "2002::/16",
    "teredo": "2001::/32",
}


def _forget(
    addresses: tuple[IPAddress, ...], *, clause: str = "", embedding: str = ""
) -> Decision:
    """Judge without the blocks of one clause, or without one kind of embedding."""
    block = _EMBEDDED_BLOCKS.get(embedding)
    forgotten = {block, "2001::/23"} if embedding == "teredo" else {block}
    blocks = [
        row
        for row in core.SPECIAL_BLOCKS
        if row.clause != clause and str(row.network) not in forgotten
    ]
    embeddings = {
        name: decode for name, decode in core.EMBEDDINGS.items() if name != embedding
    }
    return core.judge_addresses(addresses, blocks, embeddings)
