"""External agent hosts: what the `client` table of `target.toml` describes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from cimd_conformance.engine._agent_attended import AttendedDriver
from cimd_conformance.engine._agent_command import CommandDriver
from cimd_conformance.engine._agent_features import missing_feature
from cimd_conformance.engine._agent_program import ProgramDriver
from cimd_conformance.engine._agent_world import agent_world
from cimd_conformance.engine._process import OnLine, Placed, place, start_process
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.flows.agent_host import AgentView, Driver, run_flow
from cimd_conformance.target import TargetFile


async def start_external_agent_host(
    around: Surroundings, path: Path, target: TargetFile, on_line: OnLine
) -> RunningTarget:
    """Make the driver of a client, and start what it needs to run.

    Raises `TargetError` when something does not start, `ConfigError` for a hook that
    is not on this machine.
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
    placed = place(around, path, target, stack)
    client, limits = target.client, target.limits
    if client.drive == "program":
        await start_process(placed, on_line, stack)
    driver = await _driver(placed, on_line, stack)
    features = {*client.features}
    if client.document == "target":
        features.add("hosted-document")
    view = AgentView(
        target.name,
        frozenset(features),
        tuple(client.protocols),
        dict(target.client_document),
    )
    world = agent_world(around, view, driver, limits.seconds)
    world.now = placed.now
    return RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, view),
        stack.aclose,
        placed.process.exited if placed.process is not None else asyncio.Event(),
        limits.jobs,
        limits.grace,
        repeats_controls=target.client.drive != "attended",
    )


async def _driver(placed: Placed, on_line: OnLine, stack: AsyncExitStack) -> Driver:
    match placed.target.client.drive:
        case "attended":
            return await stack.enter_async_context(AttendedDriver(placed, on_line))
        case "program" if placed.target.client.hook:
            return ProgramDriver(placed)
        case _:
            return CommandDriver(placed, on_line)
