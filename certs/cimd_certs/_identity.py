"""Which subject alternative names the leaf for one name or address carries."""

from __future__ import annotations

import functools
import ipaddress
import re

_PLAIN_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def _address(name: str) -> tuple[str, ...] | None:
    """Return the spellings of an IP address; None for a DNS name.

    Go compares an IPv4-mapped address as IPv4, OpenSSL as IPv6: it gets both.
    """
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return (str(address), str(mapped)) if mapped else (str(address),)


def _dialled_as(spelling: str) -> tuple[str, ...]:
    """Return what else a client may have dialled to arrive at an address.

    A kernel takes a mapped address to the IPv4 one, and no address at all to loopback;
    the listener sees the end alone, the client compares with what it dialled.
    """
    address = ipaddress.ip_address(spelling)
    if address.version == 6:
        return ("::",) if address.is_loopback else ()
    mapped = str(ipaddress.ip_address(f"::ffff:{address}"))
    return (mapped, "0.0.0.0") if spelling == "127.0.0.1" else (mapped,)  # noqa: S104


def _normal(name: str) -> str:
    return name.lower().removesuffix(".")


def exact_identities(name: str) -> tuple[str, ...]:
    """Return the identities of a leaf for this name alone.

    `localhost` gets its two addresses too, as every development server expects.
    """
    if (address := _address(name)) is not None:
        return address
    name = _normal(name)
    return (name, "127.0.0.1", "::1") if name == "localhost" else (name,)


@functools.lru_cache(maxsize=1024)
def shared_identities(name: str) -> tuple[str, ...]:
    """Return the identities of a leaf that siblings of this name may share.

    A name of three or more labels is covered by a wildcard for its parent, so that
    a run with thousands of client hosts makes a handful of leaves. RFC 6125 6.4.3
    lets `*` stand for exactly one label; some libraries take it for letters, digits
    and hyphens only, so any other first label gets a leaf of its own. An address gets
    every spelling by which a client can arrive there.
    """
    if (address := _address(name)) is not None:
        also = [found for one in address for found in _dialled_as(one)]
        return tuple(dict.fromkeys((*address, *also)))
    labels = _normal(name).split(".")
    plain = all(_PLAIN_LABEL.fullmatch(label) for label in labels)
    if len(labels) < 3 or not plain or labels[-1].isdigit():
        return (_normal(name),)
    return (".".join(["*", *labels[1:]]),)
