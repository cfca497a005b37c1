"""Run the command line against a miniature: real processes, real codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ODD_SERVER = Path(__file__).parents[1] / "miniatures" / "odd_server.py"
MODULE = [sys.executable, "-m", "cimd_conformance"]

TARGET = """\
schema = 1
name = "Miniature {mode}"
role = "authorization-server"

[server]
issuer = "{{origin}}"
start = ["{{python}}", {script}, "{mode}", "{{port}}", "{{origin}}"]
ready_seconds = {ready_seconds}

{server}
[server.env]
PID_FILE = {pid_file}
AFTER = "{after}"
{env}

[resource]
uri = "{{origin}}/mcp"
shown_by = "call"

[limits]
jobs = 1
grace = 0.05
seconds = {seconds}
"""


@dataclass
class Ended:
    """A run of the suite that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    document: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.document["counts"]
        return counts

    def statuses(self) -> dict[str, str]:
        return {one["id"]: one["status"] for one in self.document["scenarios"]}


class Miniature:
    """One odd server, described by a target file in a folder."""

    def __init__(
        self,
        folder: Path,
        mode: str,
        *,
        after: int = 0,
        seconds: float = 0.5,
        ready_seconds: float = 2.0,
        server: str = "",
        env: str = "",
    ) -> None:
        self.folder = folder
        self.pid_file = folder / "pid"
        self.file = folder / "target.toml"
        text = TARGET.format(
            mode=mode,
            script=json.dumps(str(ODD_SERVER)),
            pid_file=json.dumps(str(self.pid_file)),
            after=after,
            seconds=seconds,
            ready_seconds=ready_seconds,
            server=server,
            env=env,
        )
        self.file.write_text(text, "utf-8")

    def command(self, *only: str, network: str = "loopback") -> list[str]:
        """Return the command of a run."""
        selection = [word for pattern in only for word in ("--only", pattern)]
        reports = ["--json", "out.json", "--ndjson", "out.ndjson"]
        words = ["run", str(self.file), "--network", network, *reports, *selection]
        return [*MODULE, *words]

    def run(self, *only: str, network: str = "loopback", timeout: float = 60) -> Ended:
        """Run the suite against the server to the end."""
        began = time.monotonic()
        done = self.run_raw(*only, network=network, timeout=timeout)
        return self.ended(done.returncode, done.stdout, done.stderr, began)

    def run_raw(
        self, *only: str, network: str = "loopback", timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run the suite; return the process as it ended."""
        return subprocess.run(
            self.command(*only, network=network),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            cwd=self.folder,
        )

    def ended(self, code: int, stdout: str, stderr: str, began: float) -> Ended:
        """Read what a run has left behind."""
        lines = (self.folder / "out.ndjson").read_bytes().splitlines()
        events = [json.loads(line) for line in lines]
        assert events[0]["event"] == "run-started"
        assert events[-1]["event"] == "run-finished"
        document = json.loads((self.folder / "out.json").read_bytes())
        assert "Traceback" not in stdout + stderr
        return Ended(code, stdout, stderr, time.monotonic() - began, document, events)

    def assert_gone(self) -> None:
        """Demand that the server has ended; a lab's ends with its namespace."""
        written = self.pid_file.read_text() if self.pid_file.exists() else ""
        if not written:  # ended before it could say who it is
            return
        pid = int(written)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if not _runs_odd_server(pid):
                return
            time.sleep(0.05)
        raise AssertionError(f"the server, process {pid}, is still there")


def _runs_odd_server(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        if Path("/proc/self").exists():
            return False
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    return ODD_SERVER.name.encode() in command
