"""The embedded reference as a target: the bundled tool server in-process.

It is there twice, once for each way to judge tokens, with the same checks.
"""

from __future__ import annotations

import asyncio
import ipaddress
from functools import partial

from cimd_conformance.engine._labels import labelled
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget, moved_by
from cimd_conformance.engine._tool_world import (
    missing_feature,
    open_issuer,
    tool_world,
)
from cimd_conformance.flows.tool_server import (
    LEGACY,
    MODERN,
    ToolCall,
    ToolView,
    run_flow,
)
from cimd_testbed.core import ShiftedClock
from cimd_testbed.net import Service
from cimd_testbed.parties import TokenIssuer
from cimd_testbed.reference.tool_server import (
    ToolServer,
    ToolServerChecks,
    ToolServerSettings,
)

SERVERS = {
    "jwks": ("mcp.cimd-lab.net", ipaddress.IPv4Address("93.184.215.32")),
    "introspection": (
        "mcp-opaque.cimd-lab.net",
        ipaddress.IPv4Address("93.184.215.33"),
    ),
}
JOBS = 24


async def start_embedded_tool_server(
    around: Surroundings, checks: ToolServerChecks
) -> RunningTarget:
    """Start the reference on the run's network, with the given checks."""
    clock = ShiftedClock()
    issuer = open_issuer(around, "ES256")
    servers = [
        await _serve(around, checks, clock, issuer, source) for source in SERVERS
    ]
    world = tool_world(around, issuer, _view("jwks"), clock.now, moved_by(clock))
    world.views["introspection"] = _view("introspection")

    async def close() -> None:
        for server in servers:
            await server.close()

    return RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, world),
        close,
        asyncio.Event(),
        JOBS,
        0.0,
    )


async def _serve(
    around: Surroundings,
    checks: ToolServerChecks,
    clock: ShiftedClock,
    issuer: TokenIssuer,
    source: str,
) -> ToolServer:
    network, authority = around.network, around.authority
    credentials = issuer.credentials if source == "introspection" else None
    server = ToolServer(
        ToolServerSettings(
            _resource(source),
            issuer.issuer,
            credentials=credentials,
            upstream=around.parties.api_origin,
        ),
        checks,
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=authority.trust(),
        clock=clock,
    )
    host, address = SERVERS[source]
    network.zone.point(host, address)
    service = Service(labelled(server.handle), authority.context_for, network.contacts)
    await network.listen(address, 443, service)
    return server


def _resource(source: str) -> str:
    return f"https://{SERVERS[source][0]}/mcp"


def _view(source: str) -> ToolView:
    return ToolView(
        "embedded reference",
        _resource(source),
        _resource(source),
        "mcp:read mcp:write",
        "mcp:write",
        ToolCall("sign_guest_book", {"text": "{marker}"}),
        ToolCall("read_guest_book", {}),
        source,
        frozenset({LEGACY, MODERN}),
        sessions=True,
        upstream=ToolCall("ask_upstream", {}),
        broader_scope="mcp:admin",
    )
