"""What the flows of one run share: the network and the parties on it."""

from __future__ import annotations

import functools
import itertools
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.evidence import Evidence
from cimd_conformance.flows._names import point
from cimd_conformance.model import Place
from cimd_testbed.net import HttpClient, IPAddress, Limits, Network
from cimd_testbed.parties import Doors, Pace, RealPace, Web

CLIENT_DOMAIN = "cimd-hosts.net"
EVIL_DOMAIN = "cimd-evil.net"


@dataclass(frozen=True, slots=True)
class Site:
    """A host of ours, as one scenario sees it.

    `host` stands in URLs (with the port where it is not 443); `prefix` is the path
    below which everything of the scenario lies.
    """

    name: str
    host: str
    address: IPAddress | None
    prefix: str

    @property
    def origin(self) -> str:
        """The https origin."""
        return f"https://{self.host}"

    def names(self) -> dict[str, Any]:
        """Return the placeholders that stand for this site."""
        return dict(_names(self))


@functools.lru_cache(maxsize=256)
def _names(site: Site) -> dict[str, str]:
    """Make them once: every message of a flow asks for them."""
    base = site.origin + site.prefix
    return {
        f"{site.name}.origin": site.origin,
        f"{site.name}.host": site.host,
        f"{site.name}.address": str(site.address or "127.0.0.1"),
        f"{site.name}.path": site.prefix,
        f"{site.name}.document": f"{base}/client.json",
        f"{site.name}.jwks": f"{base}/jwks.json",
        f"{site.name}.callback": f"{base}/callback",
        f"{site.name}.mcp": f"{site.origin}/mcp",
    }


@dataclass(frozen=True, slots=True)
class Kept:
    """What a scenario has left up: where it is, and how it is taken down."""

    places: dict[str, str]
    """URLs, by what they are."""
    finish: Callable[[], Awaitable[None]]


Advance = Callable[[float], Awaitable[bool]]
"""Lets seconds pass on the target's clock; False when it is not seen to follow."""


@dataclass(slots=True)
class World:
    """Network and parties of one run; each role adds its view of the target."""

    network: Network
    web: Web
    trust: ssl.SSLContext
    evidence: Evidence
    seed: int
    lease: Callable[[str, Place | None, str], Awaitable[IPAddress | None]]
    """Lease an address for (scenario, place or None for a public one, its name)."""
    advance: Advance | None = None
    """Move the target's clock, where the power `clock` is there."""
    now: Callable[[], float] = field(default=lambda: 0.0)
    """The target's time, for assertions."""
    ports: dict[str, int] = field(default_factory=dict)
    """On loopback, the port of each kind of site; empty where sites have names."""
    seconds: float = 15.0
    """How long an answer of the target may take."""
    pace: Pace = field(default_factory=RealPace)
    """The time in which slow answers of ours travel."""
    patience: float = 40.0
    """How many seconds of it a slow answer goes on at the most."""
    doors: Doors | None = None
    """The hosts whose TLS can be spoiled."""
    secrets: tuple[tuple[str, str], ...] = ()
    """What the target file holds that no report may show, with their kinds."""
    keep_open: bool = False
    """Whether what a scenario has put up stays up after it."""
    kept: list[Kept] = field(default_factory=list)
    _serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def serial(self) -> int:
        """Return the next identity number."""
        return next(self._serial)

    def be_new(self) -> None:
        """Go on with identities of no earlier run, for a target that remembers those.

        The names of a run are then no longer given by its seed.
        """
        self._serial = itertools.count(int(time.time() * 1000))

    def random(self, label: str) -> random.Random:
        """Return the source of chance of one scenario, given by seed and label."""
        return random.Random(f"{self.seed}:{label}")  # noqa: S311 - reproducible

    def http(self, label: str, *, longer: float = 0.0) -> HttpClient:
        """Return a client for our own requests in one scenario.

        With `longer` it waits that many seconds more than usual for each answer.
        """
        return HttpClient(
            self.network.dialer(label),
            self.network.resolver(label),
            self.trust,
            Limits(seconds=self.seconds + longer),
        )

    async def site(
        self,
        label: str,
        name: str,
        prefix: str,
        place: Place | None = None,
        beside: Site | None = None,
    ) -> Site:
        """Give a scenario a host of its own, and file it as evidence.

        With `beside` at the address of that other one.
        """
        if self.ports:
            port = self.ports.get(name, self.ports["evil"])
            site = Site(name, f"localhost:{port}", None, prefix)
        else:
            address = beside.address if beside else await self.lease(label, place, name)
            site = Site(name, self._host(name, prefix, place, address), address, prefix)
        self.evidence.claim(
            label,
            name,
            host=site.host,
            address=site.address,
            prefix=prefix,
            beside=beside is not None,
        )
        self.point(label, site, place)
        return site

    def _host(
        self, name: str, prefix: str, place: Place | None, address: IPAddress | None
    ) -> str:
        if place is not None and place.called:
            return place.called
        if place is not None and not place.host and address is not None:
            return f"[{address}]" if address.version == 6 else str(address)
        domain = CLIENT_DOMAIN if name in ("client", "other") else EVIL_DOMAIN
        return f"{name}-{prefix[2:]}.{domain}"

    def point(self, label: str, site: Site, place: Place | None) -> None:
        """Give the site's name its addresses, where it has a name."""
        zone = self.network.zone
        if site.address is None or (place is not None and not place.host):
            return
        if place is None:
            zone.point(site.host, site.address)
            return

        def fetched() -> int:
            return len(self.evidence.asked_anywhere(label, site.name))

        point(zone, site.host, site.address, place, fetched)
