"""Running the outer process against the fake inner one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cimd_conformance.model import (
    AnyEvent,
    Check,
    Job,
    Level,
    PlannedInstance,
    Role,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    Severity,
    Status,
    encode_event,
)

FAKE = Path(__file__).parent / "fake_inner.py"
Argv = Callable[[Job, int], list[str]]


class Recorder:
    """A writer that remembers."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.finished = 0

    def event(self, event: AnyEvent) -> None:
        self.events.append(event)

    def finish(self) -> None:
        self.finished += 1


def write_events(folder: Path, events: list[AnyEvent]) -> Path:
    """Write the events that the fake plays."""
    file = folder / "events.ndjson"
    file.write_bytes(b"".join(encode_event(event) + b"\n" for event in events))
    return file


def fake_argv(mode: str, file: Path) -> Argv:
    """Return the command of a fake inner process."""

    def argv(_job: Job, events_fd: int) -> list[str]:
        command = [sys.executable, str(FAKE), mode, str(file)]
        return [*command, "--events-fd", str(events_fd)]

    return argv


def sample_run(**statuses: Status) -> list[AnyEvent]:
    """Return a run of scenarios of these names that end like this."""
    plan = [
        PlannedInstance(name, name, Role.AUTHORIZATION_SERVER, Severity.LOW)
        for name in statuses
    ]
    finishes: list[AnyEvent] = []
    for name, status in statuses.items():
        finishes.append(
            Check(1.0, name, "r", Level.MUST, status, ["refused"], "completed")
        )
        finishes.append(ScenarioFinished(1.0, name, status))
    return [
        RunStarted(
            0.0,
            1,
            "0.1.0",
            "run-1",
            "2026-01-02T03:04:05+00:00",
            "reference",
            Role.AUTHORIZATION_SERVER,
            "embedded",
            "hardened",
            0,
            [],
            plan,
        ),
        *finishes,
        RunFinished(2.0, "conformant", 0, {}, 2.0),
    ]
