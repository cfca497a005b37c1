"""Ctrl-C and SIGTERM: results so far are written, everything is closed."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from suite_support import Ended, Miniature

from cimd_testbed.net.lab import lab_available


def _start(miniature: Miniature, *only: str, network: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        miniature.command(*only, network=network),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=miniature.folder,
        start_new_session=True,
    )


def _wait_for(file: Path, text: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if file.exists() and text in file.read_text("utf-8"):
            return
        time.sleep(0.02)
    raise AssertionError(f"{text!r} never came into {file}")


def _end(miniature: Miniature, process: subprocess.Popen[str], number: int) -> Ended:
    began = time.monotonic()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    return miniature.ended(process.returncode, stdout, stderr, began)


@pytest.mark.parametrize(
    "network", ["loopback", pytest.param("lab", marks=pytest.mark.lab)]
)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)]
)
def test_a_signal_in_the_middle_of_a_run(
    tmp_path: Path, network: str, number: int, code: int
) -> None:
    if network == "lab" and (reason := lab_available()):
        pytest.skip(reason)
    # One scenario passes, then a flow waits for an answer that never comes.
    miniature = Miniature(tmp_path, "hangs-later", after=2, seconds=60)
    only = ("as/flow/public-client", "as/redirect-uri/near-miss")
    process = _start(miniature, *only, network=network)
    _wait_for(tmp_path / "out.ndjson", '"scenario-finished"')
    ended = _end(miniature, process, number)
    assert ended.code == code
    assert ended.seconds < 8
    assert ended.document["interrupted"] is True
    assert ended.events[-1]["interrupted"] is True
    statuses = ended.statuses()
    assert statuses.pop("as/flow/public-client") == "passed"
    assert set(statuses.values()) == {"not-run"}
    miniature.assert_gone()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)]
)
def test_a_signal_while_the_target_starts(
    tmp_path: Path, number: int, code: int
) -> None:
    miniature = Miniature(tmp_path, "hangs", seconds=60, ready_seconds=60)
    process = _start(miniature, network="loopback")
    _wait_for(miniature.pid_file, "")
    ended = _end(miniature, process, number)
    assert ended.code == code
    assert ended.seconds < 8
    assert not ended.counts.get("passed", 0)
    miniature.assert_gone()


def test_killing_the_suite_leaves_no_server(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "hangs", seconds=60, ready_seconds=60)
    process = _start(miniature, network="loopback")
    _wait_for(miniature.pid_file, "")
    process.kill()
    process.communicate(timeout=10)
    miniature.assert_gone()
