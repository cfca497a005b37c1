"""The embedded reference as a target: the bundled authorization server in-process."""

from __future__ import annotations

import asyncio
import ipaddress
from functools import partial

from cimd_conformance.engine._features import missing_feature
from cimd_conformance.engine._labels import labelled
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import (
    RunningTarget,
    moved_by,
    read_metadata,
)
from cimd_conformance.flows.authorization_server import (
    AsWorld,
    TargetView,
    run_flow,
)
from cimd_testbed.core import ShiftedClock
from cimd_testbed.net import EGRESS_URL, EgressProxy, Service, ShiftedTimeouts
from cimd_testbed.parties import Credentials, MovedPace
from cimd_testbed.reference.authorization_server import (
    AuthorizationServer,
    Checks,
    EnvironmentProxy,
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
PROXIED_DOMAIN = "cimd-egress.net"
"""Names below it go through a proxy, for whoever takes the one of the environment."""


def reference_settings() -> Settings:
    """Return the configuration of the bundled authorization server."""
    return Settings(
        issuer=f"https://{HOST}",
        resources=(Resource(RESOURCE, (SCOPE, "mcp:write"), RESOURCE_SERVER),),
        users=USERS,
        proxy=EnvironmentProxy(EGRESS_URL, (PROXIED_DOMAIN,)),
    )


async def start_embedded(around: Surroundings, checks: Checks) -> RunningTarget:
    """Start the reference on the run's network, with the given checks."""
    network, authority = around.network, around.authority
    clock = ShiftedClock()
    pace = MovedPace(clock.now, clock.advance)
    network.pause = pace.pause
    server = await _serve(around, checks, clock)
    world = AsWorld(
        network,
        around.parties.web,
        authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        moved_by(clock),
        clock.now,
        around.parties.ports,
        pace=pace,
        doors=around.parties.doors,
        target=_view({}),
    )
    http = world.http("metadata")
    world.target = _view(*await read_metadata(http, f"https://{HOST}"))
    await http.close()
    return RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, world.target),
        server.close,
        asyncio.Event(),
        JOBS,
        0.0,
    )


async def _serve(
    around: Surroundings, checks: Checks, clock: ShiftedClock
) -> AuthorizationServer:
    """Put the reference on the network, in the time of a clock that can be moved."""
    network, authority = around.network, around.authority
    server = AuthorizationServer(
        reference_settings(),
        checks,
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=authority.trust(),
        clock=clock,
        limit=ShiftedTimeouts(clock).limit,
    )
    await EgressProxy(network).start()
    network.zone.point(HOST, ADDRESS)
    service = Service(labelled(server.handle), authority.context_for, network.contacts)
    await network.listen(ADDRESS, 443, service)
    return server


def _view(metadata: dict[str, object], url: str = "") -> TargetView:
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
        url,
        introspection=RESOURCE_SERVER,
    )
