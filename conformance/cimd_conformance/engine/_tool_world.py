"""What an embedded tool server and an external one have around them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from cimd_conformance.catalogue import Instance
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.flows import Advance
from cimd_conformance.flows.tool_server import ToolView, ToolWorld
from cimd_testbed.net import LoopbackNetwork
from cimd_testbed.parties import TokenIssuer, UpstreamApi, lasting_key

ISSUER_HOST = "auth.cimd-issuer.net"
ISSUER_ADDRESS = ipaddress.IPv4Address("93.184.215.34")


def open_issuer(around: Surroundings, alg: str) -> TokenIssuer:
    """Publish the authorization server that the target will trust."""
    network, parties = around.network, around.parties
    origin = f"https://{ISSUER_HOST}"
    if isinstance(network, LoopbackNetwork):
        origin = f"https://localhost:{parties.ports['issuer']}"
    else:
        network.zone.point(ISSUER_HOST, ISSUER_ADDRESS)
    keys = [lasting_key(around.authority.secret("issuer"))] if alg == "ES256" else []
    issuer = TokenIssuer(origin, alg, keys=keys)
    issuer.publish(parties.web)
    return issuer


def open_upstream(around: Surroundings) -> UpstreamApi:
    """Answer for the API that a tool of the target asks."""
    upstream = UpstreamApi(around.parties.api_origin)
    upstream.open(around.parties.web)
    return upstream


def tool_world(
    around: Surroundings,
    issuer: TokenIssuer,
    view: ToolView,
    now: Callable[[], float],
    advance: Advance | None = None,
) -> ToolWorld:
    """Return the world of a run against one endpoint."""
    return ToolWorld(
        around.network,
        around.parties.web,
        around.authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        advance,
        now,
        around.parties.ports,
        issuer=issuer,
        views={view.source: view},
        upstream=open_upstream(around),
    )


def announced(view: ToolView) -> set[str]:
    """Return the optional features that an endpoint has."""
    found = {
        "effect": view.effect is not None,
        "upstream": view.upstream is not None,
        "session": view.sessions,
        "scope": bool(view.scope),
        "broader-scope": bool(view.broader_scope),
        "several-scopes": len(view.scope.split()) > 1,
    }
    return {name for name, there in found.items() if there}


def missing_feature(world: ToolWorld, instance: Instance) -> str | None:
    """Return a feature that the instance needs and the target does not have."""
    source, protocol = instance.variant.get("token"), instance.variant.get("protocol")
    if source is not None and source not in world.views:
        return f"access tokens judged by {source}"
    view = world.view(instance.variant)
    if protocol is not None and protocol not in view.protocols:
        return f"MCP {protocol}"
    wanted = set(instance.scenario.features)
    return next(iter(sorted(wanted - announced(view))), None)
