"""The outer process: relaying, verdicts, and inner processes that misbehave."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest
from outer_support import Recorder, fake_argv, sample_run, write_events

from cimd_conformance.model import (
    AnyEvent,
    ConfigError,
    Control,
    Exchange,
    HarnessError,
    Job,
    RunFinished,
    RunStarted,
    Status,
)
from cimd_conformance.outer import RunEnd, run_job


def _run(
    mode: str,
    folder: Path,
    events: list[AnyEvent] | None = None,
    *,
    job: Job | None = None,
) -> tuple[RunEnd, Recorder]:
    file = write_events(folder, events or sample_run(a=Status.PASSED, b=Status.PASSED))
    recorder = Recorder()
    end = run_job(job or Job(), lambda: [recorder], argv=fake_argv(mode, file))
    assert recorder.finished == 1
    assert isinstance(recorder.events[0], RunStarted)
    assert recorder.events[-1] == end.finished
    assert sum(isinstance(each, RunStarted) for each in recorder.events) == 1
    assert sum(isinstance(each, RunFinished) for each in recorder.events) == 1
    return end, recorder


def test_every_event_reaches_the_writers_in_order(tmp_path: Path) -> None:
    events = sample_run(a=Status.PASSED, b=Status.PASSED)
    end, recorder = _run("play", tmp_path, events)
    assert recorder.events[:-1] == events[:-1]
    assert end.error is None
    assert (end.finished.verdict, end.finished.exit_code) == ("conformant", 0)
    assert end.finished.counts == {"passed": 2}


def test_the_verdict_follows_the_events_and_not_the_footer(tmp_path: Path) -> None:
    end, _ = _run("play", tmp_path, sample_run(a=Status.FAILED, b=Status.PASSED))
    assert (end.finished.verdict, end.finished.exit_code) == ("failed", 1)


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 1)])
def test_strict_counts_a_warning_as_a_failure(
    tmp_path: Path, strict: bool, code: int
) -> None:
    job = Job(strict=strict)
    end, _ = _run("play", tmp_path, sample_run(a=Status.WARNED), job=job)
    assert end.finished.exit_code == code


def test_a_dying_inner_process_is_our_own_error(tmp_path: Path) -> None:
    end, _ = _run("dies", tmp_path)
    assert (end.finished.verdict, end.finished.exit_code) == ("error", 4)
    assert isinstance(end.error, HarnessError)
    assert end.error.code == "inner-died"
    assert "exit code 7" in end.error.message
    assert end.inner_output[-1].startswith("KeyError: 'boom")
    assert end.finished.counts == {"passed": 1, "not-run": 1}


def test_a_killed_inner_process_is_named_by_its_signal(tmp_path: Path) -> None:
    end, _ = _run("killed", tmp_path)
    assert end.error is not None
    assert "signal 9" in end.error.message
    assert end.finished.exit_code == 4


def test_a_truncated_last_line_is_tolerated(tmp_path: Path) -> None:
    end, recorder = _run("truncated", tmp_path)
    assert end.finished.exit_code == 4
    assert end.finished.counts == {"passed": 2}
    assert len(recorder.events) == 6


def test_a_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    end, _ = _run("whole-last-line-without-newline", tmp_path)
    assert end.finished.exit_code == 0


def test_a_line_that_is_no_event_ends_the_run_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    end, _ = _run("nonsense", tmp_path)
    assert time.monotonic() - began < 10
    assert end.error is not None
    assert end.error.code == "inner-unreadable"
    assert end.finished.exit_code == 4


def test_a_run_without_events_has_a_header_all_the_same(tmp_path: Path) -> None:
    job = Job(target="t.toml", seed=5, network="loopback")
    end, recorder = _run("silent", tmp_path, job=job)
    header = recorder.events[0]
    assert isinstance(header, RunStarted)
    assert (header.target, header.seed, header.plan) == ("t.toml", 5, [])
    assert end.finished.exit_code == 4


def test_an_error_of_the_inner_process_keeps_its_class(tmp_path: Path) -> None:
    end, _ = _run("refuses", tmp_path)
    assert isinstance(end.error, ConfigError)
    assert (end.error.code, end.error.hint) == ("unknown-flaw", "See.")
    assert end.finished.exit_code == 2


def test_a_flood_arrives_whole(tmp_path: Path) -> None:
    events = sample_run(a=Status.PASSED)
    events.insert(1, _exchange())
    _, recorder = _run("floods", tmp_path, events)
    assert sum(isinstance(each, Exchange) for each in recorder.events) == 100_000


def test_noise_on_stderr_neither_blocks_nor_grows(tmp_path: Path) -> None:
    end, _ = _run("chatters", tmp_path)
    assert end.finished.exit_code == 0
    assert len(end.inner_output) <= 200


def test_a_child_that_keeps_the_pipe_does_not_hang_the_run(tmp_path: Path) -> None:
    began = time.monotonic()
    end, _ = _run("leaves-a-child", tmp_path)
    assert time.monotonic() - began < 10
    assert end.finished.exit_code == 4


def test_end_of_file_on_the_control_pipe_lets_the_inner_leave(tmp_path: Path) -> None:
    began = time.monotonic()
    end, _ = _run("stays", tmp_path)
    assert time.monotonic() - began < 8
    assert end.finished.exit_code == 0


def test_the_job_arrives_and_the_inner_has_its_own_group(tmp_path: Path) -> None:
    job = Job(kind="prove", seed=11, only=["x/*"], flaw="f")
    end, _ = _run("environment", tmp_path, job=job)
    assert end.finished.details["own_group"]
    assert end.finished.details["job"] == {
        "kind": "prove",
        "seed": 11,
        "only": ["x/*"],
        "flaw": "f",
    }


def test_an_error_in_a_control_is_ours(tmp_path: Path) -> None:
    events = sample_run(a=Status.INCONCLUSIVE)
    events.insert(1, Control(0.5, "control/x", Status.ERROR, "KeyError"))
    end, _ = _run("play", tmp_path, events)
    assert (end.finished.verdict, end.finished.exit_code) == ("error", 4)


@pytest.mark.lab
def test_a_job_for_the_lab_runs_inside_it(tmp_path: Path) -> None:
    lab = pytest.importorskip("cimd_testbed.net.lab")
    if problem := lab.lab_available():
        pytest.skip(problem)
    before = _descriptors()
    end, _ = _run("environment", tmp_path, job=Job(network="lab"))
    outside = Path("/proc/self/ns/net").readlink()
    assert end.finished.details["net"] != str(outside)
    assert _descriptors() == before


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = _descriptors()
    _run("play", tmp_path)
    assert _descriptors() == before


def _descriptors() -> set[str]:
    return {each.name for each in Path("/dev/fd").iterdir()}


class _Failing(Recorder):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def event(self, event: AnyEvent) -> None:
        raise self.error


def test_a_full_disk_ends_one_writer_and_is_told_at_the_end(tmp_path: Path) -> None:
    file = write_events(tmp_path, sample_run(a=Status.PASSED))
    broken, whole = _Failing(OSError(errno.ENOSPC, "No space left")), Recorder()
    with pytest.raises(ConfigError, match="No space left"):
        run_job(Job(), lambda: [broken, whole], argv=fake_argv("play", file))
    assert whole.finished == 1
    assert isinstance(whole.events[-1], RunFinished)


def test_a_reader_that_went_away_does_not_end_the_run(tmp_path: Path) -> None:
    file = write_events(tmp_path, sample_run(a=Status.FAILED))
    broken, whole = _Failing(BrokenPipeError()), Recorder()
    end = run_job(Job(), lambda: [broken, whole], argv=fake_argv("play", file))
    assert end.finished.exit_code == 1
    assert whole.finished == 1


def test_a_writer_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    file = write_events(tmp_path, sample_run(a=Status.PASSED))

    def refuse() -> list[Recorder]:
        raise ConfigError("report-not-writable", "No.")

    began = time.monotonic()
    with pytest.raises(ConfigError):
        run_job(Job(), refuse, argv=fake_argv("deaf", file))
    assert time.monotonic() - began < 8


def test_an_inner_process_that_cannot_start_is_our_own_error() -> None:
    with pytest.raises(HarnessError) as caught:
        run_job(Job(), list, argv=lambda _job, _fd: ["/nonexistent/python"])
    assert caught.value.code == "inner-not-started"


def _exchange() -> Exchange:
    from cimd_conformance.model import HttpMessage

    request = HttpMessage("GET / HTTP/1.1")
    return Exchange(0.5, "a", 1, "client", "target", "as_metadata", request, None)
