"""Ctrl-C and SIGTERM, with real signals and real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from outer_support import FAKE, sample_run, write_events

from cimd_conformance.model import Status

_DRIVER = """
import sys
from cimd_conformance.outer import _launch
mode, file, fake = sys.argv[1:4]
_launch.inner_argv = lambda job, fd: [
    sys.executable, fake, mode, file, "--events-fd", str(fd)
]
from cimd_conformance.cli import run_cli
sys.exit(run_cli(sys.argv[4:]))
"""


def test_a_reader_that_leaves_does_not_change_the_exit_code(tmp_path: Path) -> None:
    file = write_events(tmp_path, sample_run(a=Status.FAILED))
    process = subprocess.Popen(
        [sys.executable, "-c", _DRIVER, "slowly", str(file), str(FAKE), "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=15) == 1


def _start(mode: str, folder: Path, failing: bool = False) -> subprocess.Popen[bytes]:
    statuses = {"a": Status.FAILED if failing else Status.PASSED, "b": Status.PASSED}
    file = write_events(folder, sample_run(**statuses))
    report = folder / "report.ndjson"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _DRIVER, mode, str(file), str(FAKE)),
            *("demo", "--ndjson", str(report), "--json", str(folder / "report.json")),
            "-v",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if b" a" in line:
            return process
    raise AssertionError(process.communicate())


def _end(process: subprocess.Popen[bytes], seconds: float = 15) -> tuple[int, str]:
    _, stderr = process.communicate(timeout=seconds)
    return process.returncode, stderr.decode()


def _report(folder: Path) -> dict[str, object]:
    report: dict[str, object] = json.loads((folder / "report.json").read_bytes())
    return report


def _inner_of(process: subprocess.Popen[bytes]) -> int:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return int(text.split()[0])


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)]
)
def test_the_first_signal_ends_gracefully(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = _start("waits", tmp_path)
    process.send_signal(number)
    returned, stderr = _end(process)
    assert returned == code, stderr
    report = _report(tmp_path)
    assert (report["verdict"], report["exit_code"]) == ("interrupted", code)
    assert report["interrupted"] is True
    assert report["counts"] == {"passed": 1, "not-run": 1}
    last = (tmp_path / "report.ndjson").read_bytes().splitlines()[-1]
    assert json.loads(last)["event"] == "run-finished"


def test_a_failure_before_sigterm_still_fails(tmp_path: Path) -> None:
    process = _start("waits", tmp_path, failing=True)
    process.send_signal(signal.SIGTERM)
    assert _end(process)[0] == 1
    assert _report(tmp_path)["interrupted"] is True


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)]
)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_second_signal_kills(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = _start("deaf", tmp_path)
    inner = _inner_of(process)
    process.send_signal(number)
    time.sleep(0.3)
    assert process.poll() is None
    assert _alive(inner)
    process.send_signal(number)
    returned, stderr = _end(process)
    assert returned == code, stderr
    assert "error[" not in stderr
    assert not _alive(inner)
    assert _report(tmp_path)["verdict"] == "interrupted"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_at_the_terminal_reaches_only_the_outer_process(tmp_path: Path) -> None:
    process = _start("waits", tmp_path)
    inner = _inner_of(process)
    os.killpg(process.pid, signal.SIGINT)
    returned, _ = _end(process)
    assert returned == 130
    assert not _alive(inner)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_inner_process_ends_when_the_outer_one_is_killed(tmp_path: Path) -> None:
    process = _start("waits", tmp_path)
    inner = _inner_of(process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while _alive(inner) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(inner)


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    file = write_events(tmp_path, sample_run(a=Status.PASSED))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _DRIVER, "slowly", str(file), str(FAKE), "demo"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    time.sleep(0.15)
    process.send_signal(signal.SIGINT)
    assert _end(process)[0] == 0
