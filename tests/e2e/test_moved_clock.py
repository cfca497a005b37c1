"""The clock of a target that the suite starts is moved, where the target follows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from suite_support import Ended, Miniature

from cimd_testbed.net import find_libfaketime

SCENARIO = "as/code/expired"
PLAIN = "as/flow/public-client"
NOT_FOLLOWED = "Needs the power clock (the target does not follow libfaketime)."

needs_library = pytest.mark.skipif(
    find_libfaketime() is None, reason="libfaketime is not installed"
)


def run(folder: Path, mode: str, **more: str) -> Ended:
    miniature = Miniature(folder, mode, seconds=10.0, ready_seconds=20.0, **more)
    return miniature.run(SCENARIO, PLAIN)


def reason(ended: Ended) -> str:
    (found,) = [e for e in ended.document["scenarios"] if e["id"] == SCENARIO]
    return str(found["reason"])


@needs_library
@pytest.mark.parametrize("by", ["wall", "loop"])
def test_a_server_that_forgets_codes_is_seen_to(tmp_path: Path, by: str) -> None:
    ended = run(tmp_path, "forgets", env=f'BY = "{by}"')
    assert ended.statuses() == {SCENARIO: "passed", PLAIN: "passed"}
    assert "clock" in ended.document["powers"]
    controls = sorted(one["id"] for one in ended.document["controls"])
    assert len({*controls}) == 2
    assert controls[0] + "+clock" in controls


@needs_library
def test_a_server_that_never_forgets_fails(tmp_path: Path) -> None:
    ended = run(tmp_path, "never-forgets")
    assert ended.statuses() == {SCENARIO: "failed", PLAIN: "passed"}


@needs_library
def test_a_server_that_goes_by_another_clock_is_not_judged(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "never-forgets", seconds=10.0, ready_seconds=20.0)
    text = miniature.file.read_text("utf-8")
    unfollowing = 'start = ["env", "-u", "LD_PRELOAD", "{python}"'
    miniature.file.write_text(text.replace('start = ["{python}"', unfollowing), "utf-8")
    ended = miniature.run(SCENARIO, PLAIN)
    assert ended.statuses() == {SCENARIO: "not-run", PLAIN: "passed"}
    assert reason(ended) == NOT_FOLLOWED
    assert "clock" not in ended.document["powers"]
    demanded = miniature.file.read_text("utf-8")
    demanded = demanded.replace("[server.env]", 'clock = "libfaketime"\n[server.env]')
    miniature.file.write_text(demanded, "utf-8")
    ended = miniature.run(SCENARIO, PLAIN)
    assert ended.code == 3
    assert "error[clock-not-followed]" in ended.stderr


@needs_library
def test_a_server_that_tells_no_time_is_not_judged(tmp_path: Path) -> None:
    ended = run(tmp_path, "plain")
    assert ended.statuses()[SCENARIO] == "not-run"
    assert "no Date to see it by" in reason(ended)


@needs_library
def test_a_server_that_tells_no_time_is_judged_on_demand(tmp_path: Path) -> None:
    ended = run(tmp_path, "plain", server='clock = "libfaketime"')
    assert ended.statuses()[SCENARIO] == "failed"


def test_the_target_file_can_say_no(tmp_path: Path) -> None:
    ended = run(tmp_path, "never-forgets", server='clock = "none"')
    assert ended.statuses() == {SCENARIO: "not-run", PLAIN: "passed"}
    assert reason(ended) == "Needs the power clock (the target file says so)."


@pytest.mark.skipif(sys.platform != "linux", reason="about Linux")
def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cimd_conformance.engine import _clock
    from cimd_conformance.model import ConfigError
    from cimd_conformance.target import load_target

    monkeypatch.setattr(_clock, "find_libfaketime", lambda: None)
    file = Miniature(tmp_path, "plain").file
    assert _clock.clock_problem(load_target(file)) == "libfaketime is not installed"
    file = Miniature(tmp_path, "plain", server='clock = "libfaketime"').file
    with pytest.raises(ConfigError, match="not installed"):
        _clock.clock_problem(load_target(file))
