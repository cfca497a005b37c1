"""The embedded reference as a target: the bundled authorization server in-process."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace
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
from cimd_testbed.core import ShiftedClock, split_url
from cimd_testbed.net import EGRESS_URL, EgressProxy, Service, ShiftedTimeouts
from cimd_testbed.parties import Credentials, MovedPace, Upstream
from cimd_testbed.reference.authorization_server import (
    AuthorizationServer,
    Checks,
    EnvironmentProxy,
    Provider,
    Resource,
    Settings,
)

HOST = "as.cimd-lab.net"
ADDRESS = ipaddress.IPv4Address("93.184.215.14")
PROXY_HOST = "as-proxy.cimd-lab.net"
PROXY_ADDRESS = ipaddress.IPv4Address("93.184.215.18")
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


def _with_provider(upstream: Upstream) -> Settings:
    """Return the same for one that sends people to an identity provider."""
    provider = Provider(
        f"{upstream.issuer}/authorize",
        f"{upstream.issuer}/token",
        ("proxy", "the-secret-of-the-proxy"),
    )
    issuer = f"https://{PROXY_HOST}"
    return replace(reference_settings(), issuer=issuer, provider=provider)


async def start_embedded(around: Surroundings, checks: Checks) -> RunningTarget:
    """Start the reference on the run's network, with the given checks.

    It is there twice, with people of its own and with an identity provider, with the
    same checks.
    """
    clock = ShiftedClock()
    upstream = Upstream(around.parties.upstream_origin, clock.now)
    upstream.publish(around.parties.web)
    world = _world(around, clock, upstream)  # before resolvers learn how long to wait
    await EgressProxy(around.network).start()
    serve = partial(_serve, around, checks, clock)
    servers = [
        await serve(reference_settings(), ADDRESS),
        await serve(_with_provider(upstream), PROXY_ADDRESS),
    ]
    http = world.http("metadata")
    world.target = _view(HOST, *await read_metadata(http, f"https://{HOST}"))
    found = await read_metadata(http, f"https://{PROXY_HOST}")
    world.proxy = _behind(upstream, _view(PROXY_HOST, *found))
    await http.close()

    async def close() -> None:
        for server in servers:
            await server.close()

    return RunningTarget(
        world,
        partial(run_flow, world),
        lambda instance: missing_feature(world.view(instance.scenario.flow), instance),
        close,
        asyncio.Event(),
        JOBS,
        0.0,
    )


def _world(around: Surroundings, clock: ShiftedClock, upstream: Upstream) -> AsWorld:
    network, parties = around.network, around.parties
    pace = MovedPace(clock.now, clock.advance)
    network.pause = pace.pause
    return AsWorld(
        network,
        parties.web,
        around.authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        moved_by(clock),
        clock.now,
        parties.ports,
        pace=pace,
        doors=parties.doors,
        target=_view(HOST, {}),
        upstream=upstream,
    )


async def _serve(
    around: Surroundings,
    checks: Checks,
    clock: ShiftedClock,
    settings: Settings,
    address: ipaddress.IPv4Address,
) -> AuthorizationServer:
    """Put the reference on the network, in the time of a clock that can be moved."""
    network, authority = around.network, around.authority
    server = AuthorizationServer(
        settings,
        checks,
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=authority.trust(),
        clock=clock,
        limit=ShiftedTimeouts(clock).limit,
    )
    network.zone.point(split_url(settings.issuer).host, address)
    service = Service(labelled(server.handle), authority.context_for, network.contacts)
    await network.listen(address, 443, service)
    return server


def _behind(upstream: Upstream, view: TargetView) -> TargetView:
    """Return the view of a server whose people log in with the provider."""
    origins = view.own_origins | {upstream.origin}
    return replace(view, own_origins=origins, provider=upstream.origin)


def _view(host: str, metadata: dict[str, object], url: str = "") -> TargetView:
    return TargetView(
        "embedded reference",
        f"https://{host}",
        metadata,
        RESOURCE,
        SCOPE,
        "jwks",
        tuple(Credentials(*pair) for pair in USERS.items()),
        frozenset({f"https://{host}"}),
        {},
        {},
        url,
        introspection=RESOURCE_SERVER,
    )
