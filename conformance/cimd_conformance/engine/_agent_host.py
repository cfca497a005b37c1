"""The embedded reference agent host as a target."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import tempfile
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cimd_conformance.engine._agent_features import SEEN, missing_feature
from cimd_conformance.engine._agent_world import agent_world
from cimd_conformance.engine._labels import current_scenario, labelled
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget, moved_by, nothing_to_close
from cimd_conformance.flows.agent_host import (
    AgentView,
    Ended,
    Ending,
    Errand,
    run_flow,
)
from cimd_testbed.core import ShiftedClock
from cimd_testbed.net import Service
from cimd_testbed.parties import PIPE_VARIABLE, OpenedUrls, install_openers
from cimd_testbed.reference.agent_host import (
    AgentHost,
    AgentHostChecks,
    AgentHostSettings,
    Stopped,
)

HOSTS = {
    "none": ("agent.cimd-lab.net", ipaddress.IPv4Address("93.184.215.16")),
    "private_key_jwt": (
        "agent-with-keys.cimd-lab.net",
        ipaddress.IPv4Address("93.184.215.17"),
    ),
}
"""The reference, as a public client and with keys."""
FEATURES = frozenset(
    {
        *("refresh", "step-up", "hosted-document", "private_key_jwt"),
        *("keeps-tokens", "server-side", "rotates", "registration", SEEN),
    }
)
PROTOCOLS = ("2026-07-28", "2025-11-25")
JOBS = 24
SECONDS = 10.0

_errand: ContextVar[Errand | None] = ContextVar("errand", default=None)


@dataclass(frozen=True, slots=True)
class EmbeddedDriver:
    """Calls the reference as a library."""

    hosts: dict[str, AgentHost]

    async def connect(self, errand: Errand) -> Ended:
        """Call the tool as often as the errand says."""
        current_scenario.set(errand.label)
        _errand.set(errand)
        host = self.hosts[errand.auth]
        try:
            async with asyncio.timeout(SECONDS):
                for _ in range(errand.calls):
                    await host.call_tool(errand.server_url, errand.tool)
        except Stopped as stopped:
            return Ended(Ending.EXITED, good=False, detail=str(stopped))
        except TimeoutError:
            return Ended(Ending.HUNG, good=False, detail="it did not end in time")
        return Ended(Ending.EXITED, good=True, detail="the tool was called")


async def open_browser(command: tuple[str, ...]) -> None:
    """Hand a URL to the browser of the errand that is being done.

    An opener that gets one URL is not started, because it would only tell us; any other
    command runs as it is, and finds nothing on its path but our openers.
    """
    errand = _errand.get()
    assert errand is not None, "the reference opens a browser on errands alone"
    if command[:-1] == ("xdg-open",):
        errand.open_url(command[-1])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        openers, pipe = install_openers(folder / "openers").parent, folder / "opened"
        environment = {"PATH": str(openers), PIPE_VARIABLE: str(pipe)}
        program = shutil.which(command[0]) or command[0]
        async with OpenedUrls(pipe, errand.open_url):
            process = await asyncio.create_subprocess_exec(
                program, *command[1:], env=environment
            )
            await process.wait()


async def _open_host(
    around: Surroundings, checks: AgentHostChecks, clock: ShiftedClock, auth: str
) -> AgentHost:
    """Put one agent host on its origin."""
    network, authority = around.network, around.authority
    name, address = HOSTS[auth]
    host = AgentHost(
        AgentHostSettings(
            f"https://{name}", auth_method=auth, per_server=True, protocols=PROTOCOLS
        ),
        checks,
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=authority.trust(),
        clock=clock,
        open_browser=open_browser,
    )
    network.zone.point(name, address)
    handler = labelled(host.handle)
    service = Service(handler, authority.context_for, network.contacts)
    await network.listen(address, 443, service)
    return host


async def start_embedded_agent_host(
    around: Surroundings, checks: AgentHostChecks
) -> RunningTarget:
    """Start the reference on the run's network, with the given checks."""
    clock = ShiftedClock()
    hosts = {auth: await _open_host(around, checks, clock, auth) for auth in HOSTS}
    view = AgentView("embedded reference", FEATURES, PROTOCOLS, {})
    world = agent_world(around, view, EmbeddedDriver(hosts))
    world.advance, world.now = moved_by(clock), clock.now
    world.rotate_key = hosts["private_key_jwt"].rotate_key
    return RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, view),
        nothing_to_close,
        asyncio.Event(),
        JOBS,
        0.0,
    )
