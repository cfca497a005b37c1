"""What the engine needs of each role under test: how a target of it is started."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.model import ConfigError, Role
from cimd_conformance.target import TargetFile

OnLine = Callable[[str], None]
StartExternal = Callable[
    [Surroundings, Path, TargetFile, OnLine], Awaitable[RunningTarget]
]


@dataclass(frozen=True, slots=True)
class RoleKit:
    """One role: its honest checks, its embedded reference, its external targets."""

    honest: Callable[[], Any]
    """Makes the frozen dataclass of the reference's honest checks."""
    start_embedded: Callable[[Surroundings, Any], Awaitable[RunningTarget]]
    start_external: StartExternal


def _external(module: str, function: str) -> StartExternal:
    """Import what starts external targets only when there is one: it is slow."""

    async def start(
        around: Surroundings, path: Path, target: TargetFile, on_line: OnLine
    ) -> RunningTarget:
        found = importlib.import_module(f"cimd_conformance.engine.{module}")
        running: RunningTarget = await getattr(found, function)(
            around, path, target, on_line
        )
        return running

    return start


def _authorization_server() -> RoleKit:
    from cimd_conformance.engine import _embedded  # noqa: PLC0415 - lazily
    from cimd_testbed.reference.authorization_server import Checks  # noqa: PLC0415

    start_external = _external("_external", "start_external")
    return RoleKit(Checks, _embedded.start_embedded, start_external)


def _tool_server() -> RoleKit:
    from cimd_conformance.engine import _embedded_tool_server  # noqa: PLC0415 - lazily
    from cimd_testbed.reference.tool_server import ToolServerChecks  # noqa: PLC0415

    return RoleKit(
        ToolServerChecks,
        _embedded_tool_server.start_embedded_tool_server,
        _external("_tool_server", "start_external_tool_server"),
    )


def _agent_host() -> RoleKit:
    from cimd_conformance.engine import _agent_host  # noqa: PLC0415 - lazily
    from cimd_testbed.reference.agent_host import AgentHostChecks  # noqa: PLC0415

    return RoleKit(
        AgentHostChecks,
        _agent_host.start_embedded_agent_host,
        _external("_agent_external", "start_external_agent_host"),
    )


KITS: dict[Role, Callable[[], RoleKit]] = {
    Role.AUTHORIZATION_SERVER: _authorization_server,
    Role.TOOL_SERVER: _tool_server,
    Role.AGENT_HOST: _agent_host,
}
"""The roles that exist; each is imported when it is needed."""


def roles_of(name: str) -> list[Role]:
    """Return the roles that a job asks for; `all` means every role that exists.

    Raises `ConfigError` for a role that is unknown or not there yet.
    """
    if name == "all":
        return list(KITS)
    if name not in set(KITS):
        raise ConfigError(
            "unknown-role",
            f"The role {name!r} cannot be tested yet.",
            "allowed: all, " + ", ".join(role.value for role in KITS),
        )
    return [Role(name)]


def checks_of(kit: RoleKit, role: Role, flaw: str | None) -> Any:
    """Return the reference's checks, one of them replaced when asked for.

    Raises `ConfigError` for a flaw that does not exist.
    """
    if flaw is None:
        return kit.honest()
    from cimd_testbed.flaws import FLAWS, flawed  # noqa: PLC0415 - only when asked

    if flaw not in FLAWS:
        raise ConfigError(
            "unknown-flaw",
            f"There is no flaw {flaw!r}.",
            "allowed: " + ", ".join(sorted(FLAWS)),
        )
    if FLAWS[flaw].role != role.value:
        return kit.honest()
    return flawed(kit.honest(), FLAWS[flaw])
