"""Flaws in the guard over addresses: where it is not asked, and what it looks at."""

from __future__ import annotations

from ipaddress import IPv4Network

from cimd_testbed import core
from cimd_testbed.core import Decision, IPAddress
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate

_OWN_NETWORK = IPv4Network("10.0.0.0/8")


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
    "odd-spellings-taken-for-names",
    "addresses",
    "Only four decimal numbers are an address; other spellings of one are not judged.",
)
def _odd_spellings_taken_for_names(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    decision = core.public_addresses(host, addresses)
    plain = host.strip("[]") == str(core.literal_address(host))
    return decision if plain or not core.literal_address(host) else tolerate(decision)


@flaw(
    "one-public-address-suffices",
    "addresses",
    "A name with at least one public address is good.",
)
def _one_public_address_suffices(
    host: str, addresses: tuple[IPAddress, ...]
) -> Decision:
    decision = core.public_addresses(host, addresses)
    public = any(not core.public_addresses(host, (one,)).refused for one in addresses)
    return tolerate(decision) if public else decision


@flaw(
    "ipv4-alone-judged",
    "addresses",
    "Of the addresses of a name only those of IPv4 are judged.",
)
def _ipv4_alone_judged(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    four = tuple(item for item in addresses if item.version == 4)
    harmless = not core.literal_address(host) and not (
        four and core.public_addresses(host, four).refused
    )
    return tolerate(decision) if harmless else decision


@flaw(
    "own-network-trusted",
    "addresses",
    "Names may lead into 10.0.0.0/8, because the server's own neighbours are there.",
)
def _own_network_trusted(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    others = tuple(item for item in addresses if item not in _OWN_NETWORK)
    harmless = not others or not core.public_addresses(host, others).refused
    named = core.literal_address(host) is None
    return tolerate(decision) if addresses and named and harmless else decision


@flaw(
    "inside-names-trusted",
    "addresses",
    "Names without a dot, and those under .internal and .local, are trusted.",
)
def _inside_names_trusted(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    inside = "." not in host or host.endswith((".internal", ".local"))
    return tolerate(decision) if inside and not core.literal_address(host) else decision


@flaw(
    "several-addresses-refused",
    "addresses",
    "A name with several addresses is refused (too strict).",
)
def _several_addresses_refused(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    if not decision.refused and len(addresses) > 1:
        return core.refuse("cimd-ssrf-mixed-records", "One address is enough.")
    return decision


@flaw(
    "ranges-compared-as-text",
    "addresses",
    "Private addresses are known by the text that they begin with (too strict).",
)
def _ranges_compared_as_text(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    begin = (
        "9.",
        "10",
        "11.",
        "100.",
        "126.",
        "128.",
        "169.",
        "172.",
        "192.",
        "198.",
        "223",
    )
    if not decision.refused and any(str(one).startswith(begin) for one in addresses):
        return core.refuse("cimd-ssrf-rfc1918", "The address looks private.")
    return decision


@flaw(
    "reachable-blocks-refused",
    "addresses",
    "Special-purpose blocks that are globally reachable are refused (too strict).",
)
def _reachable_blocks_refused(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    decision = core.public_addresses(host, addresses)
    if decision.verdict is core.Verdict.FREE:
        return core.refuse(decision.clause, "The address is special.")
    return decision


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


@flaw(
    "token-endpoint-unguarded",
    "token_addresses",
    "The token endpoint fetches documents from any address.",
)
def _token_endpoint_unguarded(host: str, found: tuple[IPAddress, ...]) -> Decision:
    return tolerate(core.public_addresses(host, found))


@flaw(
    "environment-proxy-used",
    "environment_proxy",
    "Documents are fetched through the proxy of the environment, and the address that "
    "is judged is the proxy's.",
)
def _environment_proxy_used(proxy: str | None) -> str | None:
    return proxy
