"""However a run ends: no process, no mount, no file is left, and it ends in time."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from suite_support import Miniature

from cimd_testbed.net.lab import lab_available

FLOW = "as/flow/public-client"
HANGING = "as/redirect-uri/near-miss"
SECONDS = 20
NETWORKS = ["loopback", pytest.param("lab", marks=pytest.mark.lab)]
MARK = "CIMD_TEST_TOKEN"


class Suite:
    """A run of the suite whose traces can be looked for."""

    def __init__(self, folder: Path, network: str) -> None:
        self.token = secrets.token_hex(8)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.folder = folder
        self.before = mounts()
        self.network = network
        self.miniature: Miniature
        self.process: subprocess.Popen[str]

    def start(self, *only: str, mode: str = "hangs-later") -> None:
        """Start the run against a server that answers twice, and then no more."""
        self.miniature = Miniature(self.folder, mode, after=2, seconds=60)
        self.process = subprocess.Popen(
            self.miniature.command(*only, network=self.network),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            start_new_session=True,
            env={**os.environ, MARK: self.token, "TMPDIR": str(self.temporary)},
        )

    def wait_for(self, text: str) -> None:
        """Wait until an event with a text has been written."""
        events = self.folder / "out.ndjson"
        found = bounded(lambda: events.exists() and text in events.read_text("utf-8"))
        assert found, f"{text!r} never came"

    def end(self) -> int:
        """Wait for the end of the outer process."""
        self.process.communicate(timeout=SECONDS)
        return self.process.returncode

    def assert_nothing_is_left(self) -> None:
        """Demand that all traces are gone soon."""
        assert bounded(lambda: not self.processes()), self.processes()
        assert bounded(lambda: not [*self.temporary.iterdir()]), "files are left"
        assert mounts() == self.before
        assert not [p for p in Path("/dev/shm").glob("*") if "cimd" in p.name]

    def processes(self) -> list[str]:
        """Return the command lines of processes that carry our mark."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.token.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
        return found


def mounts() -> list[str]:
    """Return what is mounted here, without what other tests mount."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split(" ", 2)[2] for line in lines]


def bounded(condition: Callable[[], bool]) -> bool:
    """Wait until something holds; False when it did not in time."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(params=NETWORKS)
def suite(request: pytest.FixtureRequest, tmp_path: Path) -> Suite:
    if request.param == "lab" and (reason := lab_available()):
        pytest.skip(reason)
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are found by their environment in /proc")
    return Suite(tmp_path, request.param)


def test_after_a_normal_end(suite: Suite) -> None:
    suite.start(FLOW, mode="plain")
    assert suite.end() == 0
    suite.assert_nothing_is_left()


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGTERM], 3),
        ([signal.SIGKILL], -signal.SIGKILL),
    ],
    ids=["ctrl-c", "ctrl-c-twice", "term", "kill"],
)
def test_after_a_signal(suite: Suite, numbers: list[int], code: int) -> None:
    suite.start(FLOW, HANGING)
    suite.wait_for('"scenario-finished"')
    assert len(suite.processes()) >= 2
    in_memory = suite.network == "lab"
    assert in_memory or [*suite.temporary.iterdir()], "its files are elsewhere"
    for number in numbers:
        suite.process.send_signal(number)
    assert suite.end() == code
    suite.assert_nothing_is_left()


def test_after_the_inner_process_was_killed(suite: Suite) -> None:
    suite.start(FLOW, HANGING)
    suite.wait_for('"scenario-finished"')
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = suite.token.encode() in (entry / "environ").read_bytes()
            if ours and b"cimd_conformance.inner" in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
                break
    assert suite.end() == 4
    suite.assert_nothing_is_left()
