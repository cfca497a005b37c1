"""The embedded reference as a target: the bundled authorization server in-process."""

from __future__ import annotations

import asyncio
import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass

from cimd_certs import Authority
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._parties import open_parties
from cimd_conformance.engine._target import RunningTarget, read_metadata
from cimd_conformance.evidence import Evidence
from cimd_conformance.flows.authorization_server import AsWorld, TargetView
from cimd_testbed.core import ShiftedClock
from cimd_testbed.net import Handler, Network, Request, Response, Service
from cimd_testbed.parties import Credentials
from cimd_testbed.reference.authorization_server import (
    AuthorizationServer,
    Checks,
    Resource,
    Settings,
)

HOST = "as.cimd-lab.net"
ADDRESS = ipaddress.IPv4Address("93.184.215.14")
RESOURCE = "https://tools.cimd-lab.net/mcp"
SCOPE = "mcp:read"
RESOURCE_SERVER = ("tool-server", "tool-server-introspection-password")
USERS = {"alice": "alice-password", "bob": "bob-password"}
JOBS = 24

current_scenario: ContextVar[str | None] = ContextVar("scenario", default=None)
"""Whose request the reference is answering, for `prove`."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run gives to whoever builds its target."""

    network: Network
    authority: Authority
    evidence: Evidence
    leases: ScenarioLeases
    seed: int


def reference_settings() -> Settings:
    """Return the configuration of the bundled authorization server."""
    return Settings(
        issuer=f"https://{HOST}",
        resources=(Resource(RESOURCE, (SCOPE, "mcp:write"), RESOURCE_SERVER),),
        users=USERS,
    )


async def start_embedded(around: Surroundings, checks: Checks) -> RunningTarget:
    """Start the reference on the run's network, with the given checks."""
    network, authority = around.network, around.authority
    clock = ShiftedClock()
    parties = await open_parties(network, authority)
    server = AuthorizationServer(
        reference_settings(),
        checks,
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=authority.trust(),
        clock=clock,
    )
    network.zone.point(HOST, ADDRESS)
    service = Service(_labelled(server.handle), authority.context_for, network.contacts)
    await network.listen(ADDRESS, 443, service)
    world = AsWorld(
        network,
        parties.web,
        authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        clock.advance,
        clock.now,
        parties.ports,
        target=_view({}),
    )
    http = world.http("metadata")
    world.target = _view(await read_metadata(http, f"https://{HOST}"))
    await http.close()
    return RunningTarget(world, network.close, asyncio.Event(), JOBS, 0.0)


def _labelled(handler: Handler) -> Handler:
    """Note whose request is answered; the reference itself knows nothing of it."""

    async def handle(request: Request) -> Response:
        current_scenario.set(request.arrival.label)
        return await handler(request)

    return handle


def _view(metadata: dict[str, object]) -> TargetView:
    return TargetView(
        "embedded reference",
        f"https://{HOST}",
        metadata,
        RESOURCE,
        SCOPE,
        "jwks",
        tuple(Credentials(*pair) for pair in USERS.items()),
        frozenset({f"https://{HOST}"}),
        {},
        {},
        RESOURCE_SERVER,
    )
