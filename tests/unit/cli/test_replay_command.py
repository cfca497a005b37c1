"""`replay` against an inner process that plays events: the job, the words, the code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from outer_support import fake_argv, sample_run, write_events

from cimd_conformance.cli import run_cli
from cimd_conformance.model import Job, Status
from cimd_conformance.outer import _launch

Play = Callable[..., list[Job]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """Let the inner process play a run; the jobs that it got are remembered."""

    def start(**statuses: Status) -> list[Job]:
        jobs: list[Job] = []
        argv = fake_argv("play", write_events(tmp_path, sample_run(**statuses)))

        def remember(job: Job, fd: int) -> list[str]:
            jobs.append(job)
            return argv(job, fd)

        monkeypatch.setattr(_launch, "inner_argv", remember)
        return jobs

    return start


@pytest.fixture
def result(play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Write a result in which `a` failed, `b` passed, and `c` has two instances."""
    file = tmp_path / "result.json"
    names = {"c[x=1]": Status.FAILED, "c[x=2]": Status.PASSED}
    play(a=Status.FAILED, b=Status.PASSED, **names)
    run_cli(["demo", "--json", str(file), "--seed", "3", "--profile", "cimd-03"])
    capsys.readouterr()
    return file


def edit(file: Path, **members: Any) -> Path:
    content = json.loads(file.read_bytes())
    file.write_text(json.dumps({**content, **members}))
    return file


def test_it_runs_the_same_again_alone(
    play: Play, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(result, seed=9, profile="cimd-00", flaw="pkce-plain-accepted")
    jobs = play(a=Status.FAILED)
    assert run_cli(["replay", "a", str(result), "--keep-open"]) == 1
    assert jobs == [
        Job(
            role="authorization-server",
            profile="cimd-00",
            seed=9,
            flaw="pkce-plain-accepted",
            only=["a"],
            keep_open=True,
        )
    ]
    said = capsys.readouterr().out
    assert "the bundled reference, flaw pkce-plain-accepted" in said
    assert "   expected  refused\n   got       completed\n" in said
    assert said.endswith("failed then, failed now.\n")


@pytest.mark.parametrize(
    ("name", "now", "said", "code"),
    [
        ("a", Status.PASSED, "failed then, passed now: it is not the same.", 0),
        ("b", Status.FAILED, "passed then, failed now: it is not the same.", 1),
        ("b", Status.PASSED, "passed then, passed now.", 0),
        ("a", Status.INCONCLUSIVE, "failed then, inconclusive now", 3),
    ],
)
def test_it_compares_and_ends_as_the_run(
    play: Play,
    result: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    now: Status,
    said: str,
    code: int,
) -> None:
    play(**{name: now})
    assert run_cli(["replay", name, str(result)]) == code
    assert said in capsys.readouterr().out


def test_the_ndjson_stream_serves_as_well(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "result.ndjson"
    play(a=Status.FAILED)
    run_cli(["demo", "--ndjson", str(file)])
    line = f"cimd-conformance replay a {file}\n"
    assert line in capsys.readouterr().out
    assert run_cli(["replay", "a", str(file)]) == 1


def test_the_console_names_the_shortest_replay(
    play: Play, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my result.json"
    play(a=Status.FAILED)
    run_cli(["demo", "--json", str(file)])
    assert f"cimd-conformance replay a '{file}'\n" in capfd.readouterr().out
    run_cli(["demo", "--json", "-"])
    assert "cimd-conformance demo --seed 0 --only a\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing", "{result}"], "There is no scenario 'nothing' in the result."),
        (["c", "{result}"], "'c' has 2 instances in the result."),
        (["a", "missing.json"], "'missing.json' cannot be read: No such file"),
        (["{result}", "a"], "The ID comes first, then the file."),
    ],
)
def test_mistakes_are_told(
    result: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    asked = [word.format(result=result) for word in words]
    assert run_cli(["replay", *asked]) == 2
    assert said in capsys.readouterr().err


def test_instances_are_named_with_how_they_ended(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_cli(["replay", "c", str(result)])
    assert "hint:   failed         c[x=1]\n" in capsys.readouterr().err


TARGET = 'schema = 1\nname = "T"\nrole = "authorization-server"\n'
TARGET += '[server]\nissuer = "{origin}"\nstart = ["true"]\n'


def test_the_target_file_is_found_beside_the_result(
    play: Play, result: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit(result, target_file="target.toml", network="loopback")
    (tmp_path / "target.toml").write_text(TARGET)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    jobs = play(a=Status.FAILED)
    assert run_cli(["replay", "a", str(result)]) == 1
    assert jobs[0].target == str(tmp_path / "target.toml")
    assert jobs[0].network == "loopback"


def test_a_target_file_that_has_moved_is_given(
    play: Play,
    result: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    edit(result, target_file="gone.toml", network="loopback")
    assert run_cli(["replay", "a", str(result)]) == 2
    said = capsys.readouterr().err
    assert "The target file 'gone.toml' is not here, nor beside the result." in said
    assert "--target" in said
    moved = tmp_path / "moved.toml"
    moved.write_text(TARGET)
    jobs = play(a=Status.FAILED)
    assert run_cli(["replay", "a", str(result), "--target", str(moved)]) == 1
    assert jobs[0].target == str(moved)


def test_an_older_result_of_a_target_asks_for_its_file(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(result, target="Mine", network="loopback", target_file=None)
    assert run_cli(["replay", "a", str(result)]) == 2
    assert "does not say which file 'Mine' came from" in capsys.readouterr().err


def test_another_version_is_told(
    play: Play, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(result, version="0.0.1")
    play(a=Status.FAILED)
    run_cli(["replay", "a", str(result)])
    assert "The result is of version 0.0.1" in capsys.readouterr().out
