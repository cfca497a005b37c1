"""External agent hosts: what `target.toml` describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.model import HarnessError
from cimd_conformance.target import TargetFile


async def start_external_agent_host(
    around: Surroundings,
    path: Path,
    target: TargetFile,
    on_line: Callable[[str], None],
) -> RunningTarget:
    """Prepare the driver of a client."""
    raise HarnessError("not-yet", "External agent hosts are not there yet.")
