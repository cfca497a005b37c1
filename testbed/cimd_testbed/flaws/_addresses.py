"""Flaws in the guard over addresses: what is forgotten, and where."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, IPAddress
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "no-address-guard",
    "addresses",
    "Documents are fetched from any address.",
)
def _no_address_guard(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    return tolerate(core.public_addresses(host, addresses))


@flaw(
    "jwks-uri-unguarded",
    "jwks_addresses",
    "Keys are fetched from any address.",
)
def _jwks_uri_unguarded(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    return tolerate(core.public_addresses(host, addresses))


@flaw(
    "logo-uri-unguarded",
    "logo_addresses",
    "Logos are fetched from any address.",
)
def _logo_uri_unguarded(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    return tolerate(core.public_addresses(host, addresses))


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
    "Unique local IPv6 addresses are forgotten.",
)
def _unique_local_forgotten(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host
    return _forget(addresses, clause="cimd-ssrf-ula-v6")


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


@flaw(
    "first-address-judged",
    "addresses",
    "Of several addresses only the first is judged.",
)
def _first_address_judged(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    if core.public_addresses(host, addresses[:1]).refused:
        return core.public_addresses(host, addresses)
    return tolerate(core.public_addresses(host, addresses))


@flaw(
    "literals-only-judged",
    "addresses",
    "Only addresses in the URL itself are judged, not what names resolve to.",
)
def _literals_only_judged(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    return decision if core.literal_address(host) else tolerate(decision)


@flaw(
    "names-only-judged",
    "addresses",
    "Only what names resolve to is judged, not addresses in the URL itself.",
)
def _names_only_judged(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    return tolerate(decision) if core.literal_address(host) else decision


@flaw(
    "loopback-exception-in-production",
    "addresses",
    "The exception for development servers is on in production.",
)
def _loopback_exception_in_production(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    return core.development_addresses(host, addresses)


@flaw(
    "ipv6-refused",
    "addresses",
    "Hosts with an IPv6 address are refused (too strict).",
)
def _ipv6_refused(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    if not decision.refused and any(item.version == 6 for item in addresses):
        return core.refuse("cimd-fetch-on-url-client-id", "No IPv6 here.")
    return decision


@flaw(
    "check-then-fetch",
    "addresses_to_dial",
    "The name is resolved again after its addresses were judged.",
)
def _check_then_fetch(
    host: str, judged: tuple[IPAddress, ...]
) -> tuple[IPAddress, ...] | str:
    del judged
    return host


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
