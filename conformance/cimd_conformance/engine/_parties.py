"""Put the parties on a network: one web of documents and canaries, one provider."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cimd_certs import Authority
from cimd_testbed.net import LoopbackNetwork, Network, Service
from cimd_testbed.parties import Web

UPSTREAM_HOST = "idp.cimd-upstream.net"
UPSTREAM_ADDRESS = ipaddress.IPv4Address("93.184.215.15")
SITES = ("client", "evil", "other", "upstream", "issuer")


@dataclass(slots=True)
class Parties:
    """What the testbed plays in one run."""

    web: Web
    ports: dict[str, int]
    """On loopback, the port of each site; empty where sites have names."""
    upstream_origin: str


async def open_parties(network: Network, authority: Authority) -> Parties:
    """Start serving documents, callbacks and canaries."""
    web = Web()
    secure = Service(web.handle, authority.context_for, network.contacts)
    if isinstance(network, LoopbackNetwork):
        ports = {}
        for site in SITES:
            await network.listen_everywhere((443,), secure)
            ports[site] = network.ports[443]
        return Parties(web, ports, f"https://localhost:{ports['upstream']}")
    await network.listen_everywhere((443,), secure)
    plain = Service(web.handle, None, network.contacts)
    await network.listen_everywhere((80,), plain)
    network.zone.point(UPSTREAM_HOST, UPSTREAM_ADDRESS)
    return Parties(web, {}, f"https://{UPSTREAM_HOST}")
