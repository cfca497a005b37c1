"""An external tool server: started in the lab or on loopback."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from cimd_conformance.engine._clock import follow_clock
from cimd_conformance.engine._diagnose import diagnose_tool_server
from cimd_conformance.engine._diagnose_tool import ToolCase, ToolServer, furthest
from cimd_conformance.engine._diagnosis import DiagnosedError, Diagnosis, case_of
from cimd_conformance.engine._doctor_tool import tell_metadata, tell_token
from cimd_conformance.engine._life import attend, start_process
from cimd_conformance.engine._process import (
    OnLine,
    Placed,
    demand_local,
    place,
)
from cimd_conformance.engine._ready import wait_ready
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.engine._tool_world import (
    missing_feature,
    open_issuer,
    tool_world,
)
from cimd_conformance.flows import FlowResult
from cimd_conformance.flows.tool_server import (
    ToolCall,
    ToolView,
    ToolWorld,
    probe,
    run_flow,
)
from cimd_conformance.model import Message
from cimd_conformance.target import Called, TargetFile
from cimd_testbed.core import split_url

DISCOVERY = "probe/discovery"
HOST = "mcp.cimd-target.net"
ADDRESS = ipaddress.IPv4Address("93.184.215.21")


async def start_external_tool_server(
    around: Surroundings, path: Path, target: TargetFile, on_line: OnLine
) -> RunningTarget:
    """Start the target and wait until a good token opens a tool of it.

    Raises `TargetError` when it does not come up or no token works, `ConfigError` when
    it is not on this machine.
    """
    stack = AsyncExitStack()
    try:
        return await _start(around, path, target, on_line, stack)
    except BaseException:
        await stack.aclose()
        raise


async def _start(
    around: Surroundings,
    path: Path,
    target: TargetFile,
    on_line: OnLine,
    stack: AsyncExitStack,
) -> RunningTarget:
    issuer = open_issuer(around, target.tokens.alg)
    placed = place(around, path, target, stack, HOST)
    placed.names.update(issuer.placeholders())
    placed.names["upstream_api"] = around.parties.api_origin
    usual = placed.origin + "/mcp"
    placed.names["resource"] = resource = placed.fill(
        target.resource.uri, resource=usual
    )
    demand_local(resource, "resource")
    await start_process(placed, on_line, stack, HOST, ADDRESS)
    source = target.tokens.judged_by
    world = tool_world(around, issuer, _view(placed, resource), placed.now)
    world.seconds = target.limits.seconds
    origin = placed.origin if placed.process else split_url(resource).origin
    await wait_ready(placed, origin, world.http)
    world.advance = await follow_clock(placed, origin, world.http)
    facts = await _examined(world, placed, source)
    limits = target.limits
    running = RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, world),
        stack.aclose,
        asyncio.Event(),
        limits.jobs,
        limits.grace,
        adapt=partial(_adapt, world, placed),
    )
    running.path, running.diagnose = path, partial(_diagnosed, world, placed, facts)
    ready = partial(wait_ready, placed, origin, world.http)
    attend(running, placed, on_line, stack, ready)
    return running


async def _examined(world: ToolWorld, placed: Placed, source: str) -> ToolServer:
    """See what the target says about itself, and which tool a good token opens.

    Raises `DiagnosedError` when it opens none.
    """
    said = await run_flow(world, DISCOVERY, "discovery", {})
    found = said.messages.get(Message.PRM)
    metadata = found.get("document") if isinstance(found, dict) else None
    facts = ToolServer(world.views[source], world.issuer.issuer, metadata or {})
    tell_metadata(placed.around.told, facts, said.detail)
    tried = await probe(world, source)
    view = world.views[source]
    if view.protocols:
        facts = replace(facts, view=view)
        tell_token(placed.around.told, facts, tuple(world.evidence.strays))
        return facts
    cases = [
        _case(world, placed, replace(facts, tools=one.tools), one.label, one.result)
        for one in tried
    ]
    raise DiagnosedError(diagnose_tool_server(furthest(cases)), placed.path)


def _case(
    world: ToolWorld, placed: Placed, facts: ToolServer, label: str, result: FlowResult
) -> ToolCase:
    return case_of(
        facts,
        placed.target,
        label,
        result,
        world.evidence,
        placed.output,
        lab=placed.lab is not None,
    )


def _diagnosed(
    world: ToolWorld, placed: Placed, facts: ToolServer, label: str, result: FlowResult
) -> Diagnosis:
    """Say why a control did not complete."""
    facts = replace(facts, view=next(iter(world.views.values())))
    return diagnose_tool_server(_case(world, placed, facts, label, result))


def _view(placed: Placed, resource: str) -> ToolView:
    target = placed.target
    tokens, tool = target.tokens, target.tool
    return ToolView(
        target.name,
        resource,
        placed.fill(tokens.audience),
        target.resource.scope,
        tool.scope,
        _call(tool.call) or ToolCall("", {}),
        _call(tool.effect),
        tokens.judged_by,
        frozenset(),
        upstream=_call(tool.upstream),
        broader_scope=tool.broader_scope,
    )


def _adapt(world: ToolWorld, placed: Placed, target: TargetFile) -> bool:
    """Call another tool, for a file that differs in nothing else."""
    if msgspec.structs.replace(placed.target, tool=target.tool) != target:
        return False
    placed.target, tool = target, target.tool
    world.views = {
        source: replace(
            view,
            tool=_call(tool.call) or view.tool,
            effect=_call(tool.effect),
            upstream=_call(tool.upstream),
            tool_scope=tool.scope,
            broader_scope=tool.broader_scope,
        )
        for source, view in world.views.items()
    }
    return True


def _call(called: Called | None) -> ToolCall | None:
    return ToolCall(called.name, dict(called.arguments)) if called else None
