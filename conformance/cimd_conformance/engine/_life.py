"""The life of a target's processes: services first, then it; restarts; the end.

A target that is stopped on purpose has not ended by itself: `RunningTarget.exited` is
about the latter alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import shlex
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from cimd_conformance.engine._diagnose_start import cannot_start
from cimd_conformance.engine._diagnosis import DiagnosedError
from cimd_conformance.engine._process import (
    ADDRESS,
    HOST,
    OnLine,
    Placed,
    why_not_started,
)
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.model import TargetError
from cimd_conformance.target import Service
from cimd_testbed.net import (
    LOOPBACK,
    Command,
    EgressProxy,
    ProcessError,
    TargetProcess,
)
from cimd_testbed.net.lab import LabNetwork

_LEAVE_SECONDS = 10.0


def command_of(
    placed: Placed, argv: list[str], env: dict[str, str], cwd: str
) -> Command:
    """Return a command of the target file, with its placeholders filled in."""
    extra = {key: placed.fill(value) for key, value in env.items()}
    return Command(
        [placed.fill(part) for part in argv],
        {**placed.environment(), **extra},
        placed.path.parent / cwd,
        placed.target.server.user,
    )


# --- services -----------------------------------------------------------------------


async def start_services(
    placed: Placed, on_line: OnLine, stack: AsyncExitStack
) -> None:
    """Start the services in their order, each when the one before is ready.

    Raises `TargetError` when one does not come up.
    """
    for service in placed.target.service:
        for argv in service.setup:
            await _run(placed, service, argv, on_line)
        seen = asyncio.Event()
        command = command_of(placed, service.start, service.env, service.cwd)
        process = TargetProcess(command, _watched(service, on_line, seen))
        await _started(process, f"service.{service.name}.start")
        stack.push_async_callback(process.stop)
        await _service_ready(placed, service, process, seen)


async def _run(
    placed: Placed, service: Service, argv: list[str], on_line: OnLine
) -> None:
    """Run a command that prepares a service to its end."""
    command = command_of(placed, argv, service.env, service.cwd)
    process = TargetProcess(command, on_line)
    await _started(process, f"service.{service.name}.setup")
    try:
        async with asyncio.timeout(service.ready_seconds):
            code = await process.wait()
    except TimeoutError:
        code = -1
    finally:
        await process.stop(grace=1.0)
    if code:
        raise _service_error(service, f"{argv[0]!r} ended with {code}", process)


def _watched(service: Service, on_line: OnLine, seen: asyncio.Event) -> OnLine:
    """Look for what a service says when it is ready."""
    ready = re.compile(service.ready) if service.ready else None

    def watch(line: str) -> None:
        if ready is not None and ready.search(line):
            seen.set()
        on_line(line)

    return watch


async def _service_ready(
    placed: Placed, service: Service, process: TargetProcess, seen: asyncio.Event
) -> None:
    """Wait until a service has said so, or takes connections on its port."""
    saying = asyncio.create_task(seen.wait())
    ending = asyncio.create_task(process.exited.wait())
    listening = asyncio.create_task(_listens(placed, service))
    wanted = saying if service.ready else listening
    try:
        await asyncio.wait(
            {wanted, ending},
            timeout=service.ready_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if process.exited.is_set():
            what = f"it ended with {process.exit_code}"
            raise _service_error(service, what, process)
        if not wanted.done():
            what = f"it was not ready in {service.ready_seconds:g} s"
            raise _service_error(service, what, process)
    finally:
        for task in (saying, ending, listening):
            task.cancel()
        await asyncio.gather(saying, ending, listening, return_exceptions=True)


async def _listens(placed: Placed, service: Service) -> None:
    port = int(placed.names[f"{service.name}.port"])
    while True:
        with contextlib.suppress(OSError):
            if placed.lab is not None:
                (await placed.lab.connect_hidden(port)).close()
            else:
                _, writer = await asyncio.open_connection(str(LOOPBACK), port)
                writer.close()
            return
        await asyncio.sleep(0.05)


def _service_error(service: Service, what: str, process: TargetProcess) -> TargetError:
    output = "\n  ".join(process.tail[-20:])
    return TargetError(
        "service-not-ready",
        f"The service {service.name!r} did not come up: {what}."
        + (f"\n  {output}" if output else ""),
        "Check its table in the target file.",
    )


# --- the target ---------------------------------------------------------------------


async def start_process(
    placed: Placed,
    on_line: OnLine,
    stack: AsyncExitStack,
    host: str = HOST,
    address: ipaddress.IPv4Address = ADDRESS,
) -> None:
    """Start the target's command, if it has one, and give it its TLS front.

    Raises `TargetError` when it, or a service that it needs, cannot be started.
    """
    server, lab = placed.target.server, placed.lab
    if lab is not None and (server.start or server.port):
        await _open_front(placed, lab, stack, host, address)
    if lab is not None and server.proxy:
        proxy = await EgressProxy(lab).start()
        if proxy is not None:
            stack.push_async_callback(proxy.close)
    await start_services(placed, on_line, stack)
    if server.start:
        await launch(placed, on_line)
        stack.push_async_callback(end, placed, on_line)


async def _open_front(
    placed: Placed,
    lab: LabNetwork,
    stack: AsyncExitStack,
    host: str,
    address: ipaddress.IPv4Address,
) -> None:
    """Give the target's plain port its public-looking origin, until it is stopped."""
    front = await lab.front(
        address,
        [host],
        placed.port,
        placed.around.authority.context_for,
        forwarded=placed.target.server.forwarded,
    )
    stack.push_async_callback(front.close)


async def launch(placed: Placed, on_line: OnLine) -> None:
    """Start the target's own command."""
    server = placed.target.server
    command = command_of(placed, server.start, server.env, server.cwd)
    process = TargetProcess(command, on_line)
    try:
        await process.start()
    except ProcessError as error:
        why = why_not_started(command) or str(error)
        found = cannot_start(server.start, list(command.argv), why)
        raise DiagnosedError(found, placed.path) from None
    placed.process = process
    words = shlex.join(command.argv)
    placed.around.told("start", f"{words} runs as process {process.pid}.")


async def _started(process: TargetProcess, what: str) -> None:
    try:
        await process.start()
    except ProcessError as error:
        hint = f"Check `{what}` in the target file."
        raise TargetError("not-started", str(error), hint) from None


async def end(placed: Placed, on_line: OnLine) -> None:
    """End the target: by its own command where it has one, else with signals."""
    process, server = placed.process, placed.target.server
    if process is None:
        return
    if server.stop and not process.exited.is_set():
        stopper = TargetProcess(
            command_of(placed, server.stop, server.env, server.cwd), on_line
        )
        with contextlib.suppress(ProcessError, TimeoutError):
            await stopper.start()
            async with asyncio.timeout(_LEAVE_SECONDS):
                await stopper.wait()
                await process.exited.wait()
        await stopper.stop(grace=1.0)
    await process.stop()


def attend(
    running: RunningTarget,
    placed: Placed,
    on_line: OnLine,
    stack: AsyncExitStack,
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Let the engine know when the target ends, and let it start the target again."""
    if placed.process is None:
        return
    running.exit_code = lambda: placed.process.exit_code if placed.process else None
    running.last_output = lambda: placed.process.tail[-20:] if placed.process else []
    watch = _Watch(running, placed)
    watch.begin()
    stack.push_async_callback(watch.cease)

    async def restart() -> None:
        await watch.cease()
        await end(placed, on_line)
        running.exited.clear()
        await launch(placed, on_line)
        await ready()
        watch.begin()

    word = placed.target.server.restart
    if word != "never":
        running.restart = restart
    running.fresh_for_exclusive = word == "exclusive"


class _Watch:
    """Tells the engine of an end that nobody asked for."""

    def __init__(self, running: RunningTarget, placed: Placed) -> None:
        self._running, self._placed = running, placed
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch the process that runs now."""
        assert self._placed.process is not None
        exited = self._placed.process.exited
        if exited.is_set():
            self._running.exited.set()
        self._task = asyncio.create_task(self._wait(exited))

    async def _wait(self, exited: asyncio.Event) -> None:
        await exited.wait()
        self._running.exited.set()

    async def cease(self) -> None:
        """Look away: what ends now is ended by us."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
