"""Put the parties on a network: one web of documents and canaries, one provider."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cimd_certs import Authority
from cimd_testbed.net import (
    CANARY_PORTS,
    LOOPBACK,
    IPAddress,
    LoopbackNetwork,
    Network,
    Service,
    Zone,
)
from cimd_testbed.parties import Doors, Web

UPSTREAM_HOST = "idp.cimd-upstream.net"
UPSTREAM_ADDRESS = ipaddress.IPv4Address("93.184.215.15")
API_HOST = "api.cimd-upstream.net"
WILDCARD_DOMAIN = "cimd-wildcard.net"
LOCAL_NAMES = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost")
SITES = ("client", "evil", "other", "upstream", "api", "issuer")


@dataclass(slots=True)
class Parties:
    """What the testbed plays in one run."""

    web: Web
    ports: dict[str, int]
    """On loopback, the port of each site; empty where sites have names."""
    upstream_origin: str
    """Where the identity provider is."""
    api_origin: str
    """Where the API is that tools ask."""
    doors: Doors


async def open_parties(network: Network, authority: Authority) -> Parties:
    """Start serving documents, callbacks and canaries."""
    web, doors = Web(), Doors(authority)
    secure = Service(
        web.handle, doors.certificate_for, network.contacts, door=doors.door
    )
    if isinstance(network, LoopbackNetwork):
        ports = {}
        for site in SITES:
            await network.listen_everywhere((443,), secure)
            ports[site] = network.ports[443]
        provider, api = (f"https://localhost:{ports[n]}" for n in ("upstream", "api"))
        return Parties(web, ports, provider, api, doors)
    secure_port, plain_port = CANARY_PORTS
    await network.listen_everywhere((secure_port,), secure)
    plain = Service(web.handle, None, network.contacts)
    await network.listen_everywhere((plain_port,), plain)
    for host in (UPSTREAM_HOST, API_HOST):
        network.zone.point(host, UPSTREAM_ADDRESS)
    _name_the_usual(network.zone)
    return Parties(web, {}, f"https://{UPSTREAM_HOST}", f"https://{API_HOST}", doors)


def _name_the_usual(zone: Zone) -> None:
    """Let names lead where they lead elsewhere too: home, or where they say."""
    loopback: tuple[IPAddress, ...] = (LOOPBACK, ipaddress.IPv6Address("::1"))
    for name in LOCAL_NAMES:
        zone.point(name, *loopback)
    zone.wildcard("localhost", lambda _below: list(loopback))
    zone.wildcard(WILDCARD_DOMAIN, _spelled_out)


def _spelled_out(below: str) -> list[IPAddress]:
    """Read the address out of `10-0-0-5` or `x.10.0.0.5`; no address without one."""
    text = below.rpartition(".")[2].replace("-", ".")
    for candidate in (text, ".".join(below.split(".")[-4:])):
        try:
            return [ipaddress.IPv4Address(candidate)]
        except ValueError:
            continue
    return []
