"""External agent hosts: what the `client` table of `target.toml` describes."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from cimd_conformance.engine._agent_attended import AttendedDriver
from cimd_conformance.engine._agent_command import CommandDriver
from cimd_conformance.engine._agent_features import SEEN, missing_feature
from cimd_conformance.engine._agent_program import ProgramDriver
from cimd_conformance.engine._agent_world import agent_world
from cimd_conformance.engine._diagnose import diagnose_agent_host
from cimd_conformance.engine._diagnose_start import cannot_start
from cimd_conformance.engine._diagnosis import (
    OUTPUT_LINES,
    DiagnosedError,
    Diagnosis,
    case_of,
)
from cimd_conformance.engine._life import attend, start_process
from cimd_conformance.engine._process import (
    OnLine,
    Placed,
    place,
    why_not_started,
)
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.flows import FlowResult
from cimd_conformance.flows.agent_host import AgentView, AgentWorld, Driver, run_flow
from cimd_conformance.model import AnyEvent
from cimd_conformance.target import TargetFile
from cimd_testbed.net import Command


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
    printed: deque[str] = deque(maxlen=OUTPUT_LINES)
    on_line = partial(_heard, printed, on_line)
    if client.drive == "program":
        await start_process(placed, on_line, stack)
    if client.command:
        _look_at_command(placed)
    driver = await _driver(placed, on_line, stack)
    view = _view(target)
    world = agent_world(around, view, driver, limits.seconds)
    world.now = placed.now
    running = RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, view),
        stack.aclose,
        asyncio.Event(),
        limits.jobs,
        limits.grace,
        repeats_controls=target.client.drive != "attended",
        diagnose=partial(_diagnosed, world, placed, printed),
        path=path,
        hear=driver.page.hear if isinstance(driver, AttendedDriver) else _ignore,
    )
    attend(running, placed, on_line, stack, nothing_to_wait_for)
    return running


async def nothing_to_wait_for() -> None:
    """Wait for nothing: a client's first errand shows whether it works."""


def _view(target: TargetFile) -> AgentView:
    """Say what is known of the client."""
    client = target.client
    features = {*client.features}
    if client.drive == "command" and client.opens:
        features.add(SEEN)
    if client.document == "target":
        features.add("hosted-document")
    document = dict(target.client_document)
    protocols = tuple(client.protocols)
    return AgentView(target.name, frozenset(features), protocols, document)


def _look_at_command(placed: Placed) -> None:
    """See that the client's command is there, before it is needed.

    Raises `DiagnosedError` when it is not.
    """
    client = placed.target.client
    argv = [placed.fill(client.command[0])]
    environ = placed.lab.environment(os.environ) if placed.lab else dict(os.environ)
    cwd = placed.path.parent / client.cwd
    why = why_not_started(Command(argv, environ, cwd))
    if why is not None:
        found = cannot_start(client.command, argv, why, table="client")
        raise DiagnosedError(found, placed.path)
    placed.around.told("start", f"{argv[0]} is there, to be started for each flow.")


def _heard(printed: deque[str], on_line: OnLine, line: str) -> None:
    printed.append(line)
    on_line(line)


def _diagnosed(
    world: AgentWorld,
    placed: Placed,
    printed: deque[str],
    label: str,
    result: FlowResult,
) -> Diagnosis:
    """Say why a control did not complete."""
    return diagnose_agent_host(
        case_of(
            world.agent,
            placed.target,
            label,
            result,
            world.evidence,
            printed,
            lab=placed.lab is not None,
        )
    )


def _ignore(_event: AnyEvent) -> None:
    """Tell nobody."""


async def _driver(placed: Placed, on_line: OnLine, stack: AsyncExitStack) -> Driver:
    match placed.target.client.drive:
        case "attended":
            return await stack.enter_async_context(AttendedDriver(placed, on_line))
        case "program" if placed.target.client.hook:
            return ProgramDriver(placed)
        case _:
            return CommandDriver(placed, on_line)
