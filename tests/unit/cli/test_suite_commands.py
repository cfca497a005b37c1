"""`demo` and `run` against an inner process that plays events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from outer_support import fake_argv, sample_run, write_events

from cimd_conformance.cli import _network, run_cli
from cimd_conformance.model import Job, Status
from cimd_conformance.outer import _launch
from cimd_conformance.reports.schemas import load_schema

Play = Callable[..., list[Job]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """Let the inner process play a run; the jobs that it got are remembered."""

    def start(mode: str = "play", **statuses: Status) -> list[Job]:
        jobs: list[Job] = []
        argv = fake_argv(mode, write_events(tmp_path, sample_run(**statuses)))

        def remember(job: Job, fd: int) -> list[str]:
            jobs.append(job)
            return argv(job, fd)

        monkeypatch.setattr(_launch, "inner_argv", remember)
        return jobs

    return start


def test_demo_without_options(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = play(a=Status.PASSED)
    assert run_cli(["demo"]) == 0
    assert jobs == [Job()]
    said = capsys.readouterr()
    assert "conformant: 1 passed" in said.out
    assert said.err == ""


def test_demo_with_every_option(play: Play, tmp_path: Path) -> None:
    jobs = play(a=Status.FAILED)
    files = [str(tmp_path / name) for name in ("r.json", "r.ndjson")]
    arguments = ["demo", "--json", files[0], "--ndjson", files[1]]
    arguments += ["--only", "a", "--only", "b*", "--skip", "c", "--profile", "cimd-03"]
    arguments += ["--seed", "3", "--jobs", "2", "--strict", "--flaw", "x", "-v"]
    assert run_cli(arguments) == 1
    expected = Job(
        only=["a", "b*"], skip=["c"], profile="cimd-03", seed=3, jobs=2, flaw="x"
    )
    assert jobs == [expected]
    document = json.loads(Path(files[0]).read_bytes())
    jsonschema.validate(document, load_schema("result"))
    assert document["verdict"] == "failed"
    assert len(Path(files[1]).read_bytes().splitlines()) == 4


@pytest.mark.parametrize("option", ["--json", "--ndjson"])
def test_stdout_carries_one_document(
    play: Play, capfd: pytest.CaptureFixture[str], option: str
) -> None:
    play(a=Status.FAILED)
    assert run_cli(["demo", option, "-"]) == 1
    said = capfd.readouterr()
    for text in [said.out] if option == "--json" else said.out.splitlines():
        json.loads(text)
    assert "failed: 1 failed" in said.err


def test_the_replay_line_repeats_the_run(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    play(a=Status.FAILED)
    run_cli(["demo", "--flaw", "x", "--seed", "9", "--profile", "cimd-03"])
    assert (
        "cimd-conformance demo --flaw x --seed 9 --profile cimd-03 --only a\n"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("statuses", "flags", "code"),
    [
        ({"a": Status.PASSED}, [], 0),
        ({"a": Status.FAILED}, [], 1),
        ({"a": Status.WARNED}, [], 0),
        ({"a": Status.WARNED}, ["--strict"], 1),
        ({"a": Status.INCONCLUSIVE}, ["-q"], 3),
        ({"a": Status.ERROR}, [], 4),
        ({"a": Status.NOT_RUN}, [], 5),
        ({}, [], 5),
    ],
)
def test_exit_codes(
    play: Play, statuses: dict[str, Status], flags: list[str], code: int
) -> None:
    play(**statuses)
    assert run_cli(["demo", *flags]) == code


def test_a_dead_inner_process_shows_its_last_words(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    play("dies", a=Status.PASSED)
    assert run_cli(["demo"]) == 4
    said = capsys.readouterr()
    assert "error: 1 passed" in said.out or "error: 1 not-run" in said.out
    assert said.err.startswith("inner: KeyError: 'boom\\x1b[2J'\nerror[inner-died]: ")
    assert "Traceback" not in said.err
    assert run_cli(["demo", "--debug"]) == 4
    assert "inner: Traceback" in capsys.readouterr().err


def test_an_error_from_inside_is_told_as_ours(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    play("refuses", a=Status.PASSED)
    assert run_cli(["demo", "--flaw", "x"]) == 2
    err = capsys.readouterr().err
    assert err == "error[unknown-flaw]: There is no flaw 'x'.\nhint: See.\n"


@pytest.mark.parametrize(
    "arguments",
    [["--json", "-", "--ndjson", "-"], ["-q", "-v"], ["--jobs", "0"], ["--seed", "-1"]],
)
def test_options_that_make_no_sense(
    play: Play, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    jobs = play(a=Status.PASSED)
    assert run_cli(["demo", *arguments]) == 2
    assert jobs == []
    assert "error[usage]" in capsys.readouterr().err


ROLE = "authorization-server"


def _target(folder: Path) -> str:
    file = folder / "target.toml"
    issuer = 'server.issuer = "http://127.0.0.1:9"'
    file.write_text(f'schema = 1\nname = "Mine"\nrole = "{ROLE}"\n{issuer}\n')
    return str(file)


def test_run_takes_the_lab_where_there_is_one(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_network, "lab_problem", lambda: None)
    monkeypatch.setattr(_launch, "start_in_lab", _not_really_in_lab)
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path)
    assert run_cli(["run", target]) == 0
    assert jobs == [Job(target=target, network="lab", role=ROLE)]


def test_run_says_why_it_takes_loopback(
    play: Play,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(_network, "lab_problem", lambda: "This is a toaster.")
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path)
    assert run_cli(["run", target]) == 0
    assert jobs == [Job(target=target, network="loopback", role=ROLE)]
    assert "This is a toaster." in capsys.readouterr().err


@pytest.mark.parametrize("command", [["demo"], ["run", "TARGET"]])
def test_a_lab_that_was_asked_for_and_is_not_there(
    play: Play,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    monkeypatch.setattr(_network, "lab_problem", lambda: "This is a toaster.")
    jobs = play(a=Status.PASSED)
    words = [_target(tmp_path) if word == "TARGET" else word for word in command]
    assert run_cli([*words, "--network", "lab"]) == 2
    assert jobs == []
    assert "error[lab-unavailable]" in capsys.readouterr().err


class _not_really_in_lab:  # noqa: N801 - stands in for a function
    """The plain process, with the face of a lab."""

    def __init__(self, argv: list[str], events_fd: int) -> None:
        self.popen = _launch.start_plain(argv, events_fd)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
