"""After the scenarios: leave everything up for a person, until told to stop."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.model import AnyEvent, KeptOpen
from cimd_testbed.net import EmbeddedNetwork, VisitorProxy


async def keep_open(
    target: RunningTarget,
    around: Surroundings,
    scenario: str,
    emit: Callable[[AnyEvent], None],
    now: Callable[[], float],
    stop: asyncio.Event,
) -> None:
    """Say where everything is, and wait; returns at once when nothing was put up."""
    kept = target.world.kept
    if not kept or stop.is_set() or target.exited.is_set():
        return
    places = {name: url for one in kept for name, url in one.places.items()}
    async with AsyncExitStack() as stack:
        ca_file = _write_ca(around, stack)
        proxy = await _open_proxy(around, stack)
        emit(KeptOpen(now(), scenario, places, ca_file, proxy))
        await _first(stop, target.exited)
        if target.exited.is_set():
            emit(target.exit_event(now()))
    for one in kept:
        await one.finish()


def _write_ca(around: Surroundings, stack: AsyncExitStack) -> str:
    """Put the CA where a person can point a client at it."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cimd-open-"))
    file = Path(folder) / "ca.pem"
    file.write_bytes(around.authority.ca_pem)
    return str(file)


async def _open_proxy(around: Surroundings, stack: AsyncExitStack) -> str:
    """Open a way into the embedded network, which has no addresses outside."""
    if not isinstance(around.network, EmbeddedNetwork):
        return ""
    proxy = VisitorProxy(around.network)
    stack.callback(proxy.close)
    return f"127.0.0.1:{await proxy.start()}"


async def _first(*events: asyncio.Event) -> None:
    """Wait for the first of several events."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
