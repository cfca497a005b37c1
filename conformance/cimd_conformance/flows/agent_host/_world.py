"""The agent host under test, as we see it, and hosts of ours for it to meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.flows._world import Site, World
from cimd_conformance.flows.agent_host._errand import Driver
from cimd_conformance.model import Place
from cimd_testbed.net import LOOPBACK, CertificateFor, LoopbackNetwork, Service
from cimd_testbed.parties import Responder

SERVER_DOMAIN = "cimd-servers.net"
EVIL_DOMAIN = "cimd-evil.net"


@dataclass(frozen=True, slots=True)
class AgentView:
    """The implementation under test, as we know it."""

    name: str
    features: frozenset[str]
    """What it can do besides: refresh, step-up, hosted-document …"""
    protocols: tuple[str, ...]
    """The MCP revisions that it speaks."""
    document: dict[str, Any]
    """Members that a document which we publish for it has besides."""


@dataclass(slots=True)
class AgentWorld(World):
    """The world of a run against an agent host."""

    agent: AgentView = field(kw_only=True)
    driver: Driver = field(kw_only=True)
    certificate_for: CertificateFor = field(kw_only=True)
    rotate_key: Callable[[], None] | None = None
    """Makes the client sign with a new key, where it can be told to."""

    async def origin(
        self,
        label: str,
        name: str,
        serial: int,
        responder: Responder | None,
        place: Place | None = None,
    ) -> Site:
        """Give a scenario a whole origin, and let `responder` answer there.

        Without one the pages of the web do.
        """
        if isinstance(self.network, LoopbackNetwork):
            return await self._port(label, name, responder or self.web.handle)
        address = await self.lease(label, place, name)
        domain = EVIL_DOMAIN if name == "evil" else SERVER_DOMAIN
        host = f"{name}.s{serial}.{domain}"
        if place is not None and not place.host and address is not None:
            host = f"[{address}]" if address.version == 6 else str(address)
        site = Site(name, host, address, "")
        self.point(label, site, place)
        if responder is not None:
            self.web.open_site(host, responder)
        self.evidence.claim(label, name, host=host, address=site.address)
        return site

    async def _port(self, label: str, name: str, responder: Responder) -> Site:
        """On loopback an origin is a port of its own."""
        network = self.network
        assert isinstance(network, LoopbackNetwork)
        service = Service(responder, self.certificate_for, network.contacts)
        await network.listen(LOOPBACK, 0, service)
        site = Site(name, f"localhost:{network.ports[0]}", None, "")
        self.evidence.claim(label, name, host=site.host)
        return site
