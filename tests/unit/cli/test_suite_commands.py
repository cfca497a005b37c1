"""`demo` and `run` against an inner process that plays events."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
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


def test_demo_without_options(
    play: Play, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = importlib.import_module("cimd_conformance.cli.demo")
    monkeypatch.setattr(demo, "_processes", lambda: 1)
    jobs = play(a=Status.PASSED)
    assert run_cli(["demo"]) == 0
    assert jobs == [Job()]
    said = capsys.readouterr()
    assert "conformant: 1 passed" in said.out
    assert said.err == ""


def test_demo_with_every_option(play: Play, tmp_path: Path) -> None:
    jobs = play(a=Status.FAILED)
    names = ("r.json", "r.ndjson", "r.html", "r.xml")
    files = [str(tmp_path / name) for name in names]
    arguments = ["demo", "--json", files[0], "--ndjson", files[1]]
    arguments += ["--html", files[2], "--junit", files[3]]
    arguments += ["--only", "a", "--only", "b*", "--skip", "c", "--profile", "cimd-03"]
    arguments += ["--seed", "3", "--jobs", "2", "--strict", "--flaw", "x", "-v"]
    assert run_cli(arguments) == 1
    chosen = Job(only=["a", "b*"], skip=["c"], flaw="x")
    expected = msgspec.structs.replace(
        chosen, profile="cimd-03", seed=3, jobs=2, strict=True
    )
    assert jobs == [expected]
    document = json.loads(Path(files[0]).read_bytes())
    jsonschema.validate(document, load_schema("result"))
    assert document["verdict"] == "failed"
    assert len(Path(files[1]).read_bytes().splitlines()) == 4
    assert "cimd-conformance demo --flaw x --seed 3" in Path(files[2]).read_text(
        "utf-8"
    )
    assert 'failures="1"' in Path(files[3]).read_text("utf-8")


@pytest.mark.parametrize(
    ("option", "begins"), [("--html", "<!doctype html>"), ("--junit", "<?xml ")]
)
def test_stdout_carries_one_page(
    play: Play, capfd: pytest.CaptureFixture[str], option: str, begins: str
) -> None:
    play(a=Status.FAILED)
    assert run_cli(["demo", option, "-"]) == 1
    said = capfd.readouterr()
    assert said.out.startswith(begins)
    assert "failed: 1 failed" not in said.out
    assert "failed: 1 failed" in said.err


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
    [
        ["--json", "-", "--ndjson", "-"],
        ["--html", "-", "--junit", "-"],
        ["-q", "-v"],
        ["--jobs", "0"],
        ["--seed", "-1"],
    ],
)
def test_options_that_make_no_sense(
    play: Play, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    jobs = play(a=Status.PASSED)
    assert run_cli(["demo", *arguments]) == 2
    assert jobs == []
    assert "error[usage]" in capsys.readouterr().err


ROLE = "authorization-server"


TOASTER = _network.Problem("This is a toaster.", "Buy a computer.")


def _target(folder: Path, *, running: bool = False) -> str:
    file = folder / "target.toml"
    server = 'server.issuer = "http://127.0.0.1:9"'
    if not running:
        server += '\nserver.start = ["true"]'
    file.write_text(f'schema = 1\nname = "Mine"\nrole = "{ROLE}"\n{server}\n')
    return str(file)


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what of the lab this machine can do."""

    def can(*, make: bool, adopt: bool) -> None:
        made = None if make else TOASTER
        adopted = None if adopt else TOASTER
        monkeypatch.setattr(_network, "lab_problem", lambda: made)
        monkeypatch.setattr(_network, "adoption_problem", lambda: adopted)
        monkeypatch.setattr(_launch, "start_in_lab", _not_really_in_lab)

    return can


Labs = Callable[..., None]


@pytest.mark.parametrize("adopt", [False, True])
def test_run_takes_the_lab_where_there_is_one(
    play: Play, tmp_path: Path, labs: Labs, *, adopt: bool
) -> None:
    labs(make=True, adopt=adopt)
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path)
    assert run_cli(["run", target]) == 0
    assert jobs == [Job(target=target, network="lab", role=ROLE)]


@pytest.mark.parametrize("asked", [[], ["--network", "lab"]])
def test_run_adopts_its_network_where_no_lab_can_be_made(
    play: Play, tmp_path: Path, labs: Labs, asked: list[str]
) -> None:
    labs(make=False, adopt=True)
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path)
    assert run_cli(["run", target, *asked]) == 0
    assert jobs == [Job(target=target, network="lab", adopted=True, role=ROLE)]


def test_a_running_target_shares_the_network_that_is_adopted(
    play: Play, tmp_path: Path, labs: Labs
) -> None:
    labs(make=True, adopt=True)
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path, running=True)
    assert run_cli(["run", target, "--ca", "pki"]) == 0
    expected = Job(target=target, network="lab", adopted=True, role=ROLE, ca="pki")
    assert jobs == [expected]


def test_a_running_target_is_not_in_a_lab_that_is_made(
    play: Play, tmp_path: Path, labs: Labs, capsys: pytest.CaptureFixture[str]
) -> None:
    labs(make=True, adopt=False)
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path, running=True)
    assert run_cli(["run", target, "--network", "lab"]) == 2
    assert "error[lab-not-shared]" in capsys.readouterr().err
    assert jobs == []
    assert run_cli(["run", target]) == 0
    assert jobs == [Job(target=target, network="loopback", role=ROLE)]
    assert "runs already and shares no lab" in capsys.readouterr().err


def test_run_says_why_it_takes_loopback(
    play: Play, tmp_path: Path, labs: Labs, capsys: pytest.CaptureFixture[str]
) -> None:
    labs(make=False, adopt=False)
    jobs = play(a=Status.PASSED)
    target = _target(tmp_path)
    assert run_cli(["run", target]) == 0
    assert jobs == [Job(target=target, network="loopback", role=ROLE)]
    assert "This is a toaster." in capsys.readouterr().err


def test_demo_in_an_adopted_lab(play: Play, labs: Labs) -> None:
    labs(make=False, adopt=True)
    jobs = play(a=Status.PASSED)
    assert run_cli(["demo", "--network", "lab"]) == 0
    assert jobs == [Job(network="lab", adopted=True)]


@pytest.mark.parametrize("command", [["demo"], ["run", "TARGET"]])
def test_a_lab_that_was_asked_for_and_is_not_there(
    play: Play,
    tmp_path: Path,
    labs: Labs,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    labs(make=False, adopt=False)
    jobs = play(a=Status.PASSED)
    words = [_target(tmp_path) if word == "TARGET" else word for word in command]
    assert run_cli([*words, "--network", "lab"]) == 2
    assert jobs == []
    said = capsys.readouterr().err
    assert "error[lab-unavailable]" in said
    assert "Buy a computer." in said


class _not_really_in_lab:  # noqa: N801 - stands in for a function
    """The plain process, with the face of a lab."""

    def __init__(self, argv: list[str], events_fd: int) -> None:
        self.popen = _launch.start_plain(argv, events_fd)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
