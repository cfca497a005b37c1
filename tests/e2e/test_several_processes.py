"""The demo shares its plan among processes, and looks like one run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cimd_conformance.catalogue import load_catalogue
from cimd_conformance.engine._run import share_of
from cimd_conformance.model import Job, Role, RunFinished, RunStarted, ScenarioFinished
from cimd_conformance.outer import run_job

DEMO = [sys.executable, "-m", "cimd_conformance", "demo"]
FEW = ["--skip", "as/*", "--skip", "agent/*", "--skip", "ts/token/*"]


class Kept:
    """A writer that keeps the events."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def event(self, event: object) -> None:
        self.events.append(event)

    def finish(self) -> None:
        self.events.append("finished")


def test_shares_are_a_partition_and_split_no_control() -> None:
    plan = load_catalogue().instances
    for parts in (1, 2, 3, 4):
        shares = [share_of(plan, part, parts) for part in range(parts)]
        assert Counter(i.id for share in shares for i in share) == Counter(
            i.id for i in plan
        )
        controls = [{i.control for i in share} for share in shares]
        assert sum(map(len, controls)) == len(set().union(*controls))
    sizes = [len(share_of(plan, part, 2)) for part in (0, 1)]
    assert max(sizes) <= 0.7 * sum(sizes)


def test_two_processes_look_like_one() -> None:
    kept = Kept()
    skip = ["ts/token/*", "ts/headers/*"]
    job = Job(role=Role.TOOL_SERVER.value, skip=skip, parts=2)
    end = run_job(job, lambda: [kept])
    started = [e for e in kept.events if isinstance(e, RunStarted)]
    finished = [e for e in kept.events if isinstance(e, ScenarioFinished)]
    assert len(started) == 1
    assert Counter(e.id for e in finished) == Counter(p.id for p in started[0].plan)
    assert isinstance(kept.events[-2], RunFinished)
    assert kept.events[-1] == "finished"
    assert end.finished.exit_code == 0
    assert end.finished.counts == {"passed": len(finished)}
    numbers = [n for e in kept.events if (n := getattr(e, "number", None)) is not None]
    assert len(numbers) == len(set(numbers)) > len(finished)


def test_an_error_of_one_is_the_error_of_the_run() -> None:
    end = run_job(Job(flaw="no-such-flaw", parts=2), list)
    assert end.error is not None
    assert end.error.code == "unknown-flaw"
    assert end.finished.exit_code == 2


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_ctrl_c_keeps_the_results_and_leaves_no_process(tmp_path: Path) -> None:
    file = tmp_path / "run.ndjson"
    with subprocess.Popen(
        [*DEMO, *FEW, "--ndjson", "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        inners = []
        with file.open("wb") as kept:
            for line in process.stdout:
                kept.write(line)
                if b'"event":"scenario-finished"' in line and not inners:
                    inners = _children(process.pid)
                    os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    assert inners
    events = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert events[-1]["event"] == "run-finished"
    assert not any(Path(f"/proc/{pid}").exists() for pid in inners)


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text().split()]
    return found
