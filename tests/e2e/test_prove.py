"""The proof proves: a wrong expectation or a flaw that does nothing makes it fail."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from cimd_conformance.catalogue import catalogue_dir, load_catalogue
from cimd_conformance.engine import KITS, run_job
from cimd_conformance.model import (
    AnyEvent,
    FlawTried,
    Job,
    Role,
    ScenarioFinished,
    Status,
)
from cimd_conformance.prove import _command, prove_command_main
from cimd_conformance.prove import inner as prove_inner
from cimd_conformance.prove.inner import prove_job
from cimd_testbed.flaws import FLAWS

SCENARIO = "as/redirect-uri/unlisted-host"
FLAW = "redirect-uri-not-compared"
PROVE = [sys.executable, "-m", "cimd_conformance", "prove"]


def prove(
    folder: Path, *, catalogue: Path | None = None, flaws: tuple[str, ...] = (FLAW,)
) -> tuple[int, dict[str, Any]]:
    """Run `prove` for one scenario and its flaw; return exit code and document."""
    environ = dict(os.environ)
    if catalogue is not None:
        environ["CIMD_CATALOGUE"] = str(catalogue)
    file = folder / "proof.json"
    selection = ["--only", SCENARIO, *(f"--flaw={flaw}" for flaw in flaws)]
    done = subprocess.run(
        [*PROVE, *selection, "--json", str(file)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environ,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(file.read_bytes())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    shutil.copytree(catalogue_dir(), folder)
    return folder


def edit(catalogue: Path, old: str, new: str) -> None:
    file = catalogue / "authorization-server" / "redirect-uri" / "unlisted-host.toml"
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


def test_a_proof_of_one_scenario(tmp_path: Path) -> None:
    code, document = prove(tmp_path)
    assert (code, document["verdict"]) == (0, "proven")
    assert document["flaws"] == [
        {
            "id": FLAW,
            "check": FLAWS[FLAW].check,
            "title": FLAWS[FLAW].title,
            "victims": [SCENARIO],
        }
    ]


def test_a_copy_of_the_catalogue_is_proven_like_itself(
    tmp_path: Path, copy: Path
) -> None:
    assert prove(tmp_path, catalogue=copy)[0] == 0


def test_an_inverted_expectation_is_noticed(tmp_path: Path, copy: Path) -> None:
    """The honest reference then fails."""
    edit(copy, '"refused-without-redirect"', '"completed"')
    code, document = prove(tmp_path, catalogue=copy)
    assert code == 1
    assert any(SCENARIO in problem for problem in document["problems"]["honest"])


def test_an_expectation_that_allows_everything_is_noticed(
    tmp_path: Path, copy: Path
) -> None:
    """The flaw then goes undetected."""
    edit(
        copy,
        'outcome = ["refused-without-redirect"]\nuntouched = ["evil"]',
        'outcome = ["refused", "completed", "redirected-elsewhere"]',
    )
    code, document = prove(tmp_path, catalogue=copy)
    assert code == 1
    assert any(FLAW in problem for problem in document["problems"]["holes"])


def test_a_scenario_that_names_no_such_flaw_is_noticed(
    tmp_path: Path, copy: Path
) -> None:
    edit(copy, f'flaws = ["{FLAW}"', 'flaws = ["no-such-flaw"')
    code, document = prove(tmp_path, catalogue=copy, flaws=())
    assert code == 1
    assert any("no-such-flaw" in problem for problem in document["problems"]["holes"])


def test_a_flaw_that_does_nothing_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = getattr(KITS[Role.AUTHORIZATION_SERVER]().honest(), FLAWS[FLAW].check)
    idle = dataclasses.replace(FLAWS[FLAW], replacement=honest)
    monkeypatch.setattr(prove_inner, "FLAWS", {**FLAWS, FLAW: idle})
    monkeypatch.setattr(_command, "InnerProcess", _InProcess)
    file = tmp_path / "proof.json"
    code = prove_command_main(
        update=False,
        full=False,
        json_path=str(file),
        seed=0,
        flaws=(FLAW,),
        only=(SCENARIO,),
        network="embedded",
    )
    assert code == 1
    (hole, *_) = json.loads(file.read_bytes())["problems"]["holes"]
    assert SCENARIO in hole
    assert FLAW in hole


def test_an_empty_selection_proves_nothing() -> None:
    done = subprocess.run(
        [*PROVE, "--only", "nope", "--json", "-"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_code"]) == (5, 5)
    assert document["verdict"] == "nothing-ran"


def test_a_flaw_that_no_chosen_scenario_could_notice_is_a_hole(tmp_path: Path) -> None:
    code, document = prove(tmp_path, flaws=("tool-any-issuer",))
    assert (code, document["verdict"]) == (1, "not-proven")
    assert document["problems"]["holes"] == [
        "No scenario detects the flaw tool-any-issuer (0 run)."
    ]


def test_a_part_that_no_flaw_makes_illegal_is_a_hole(
    tmp_path: Path, copy: Path
) -> None:
    """Here the browser never goes to the callback of another scenario's host."""
    edit(copy, 'untouched = ["evil"]', 'untouched = ["evil"]\ntouched = ["client"]')
    code, document = prove(tmp_path, catalogue=copy, flaws=())
    assert code == 1
    (hole,) = document["problems"]["holes"]
    assert hole.startswith(f"{SCENARIO}: expectation 1 ")
    assert "part touched" in hole


def test_update_wants_every_scenario() -> None:
    done = subprocess.run(
        [*PROVE, "--only", SCENARIO, "--update"], capture_output=True, check=False
    )
    assert done.returncode == 2


class _InProcess:
    """An inner process that is none, so that a test can change the flaws."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def events(self) -> list[Any]:
        return _events(self._job)

    def ask_to_stop(self) -> None:
        pass

    kill = ask_to_stop

    def stderr_tail(self) -> list[str]:
        return []


def _events(job: Job) -> list[Any]:
    found: list[Any] = []

    async def run() -> None:
        await prove_job(job, found.append, asyncio.get_running_loop().time)

    asyncio.run(run())
    return found


def _statuses(job: Job) -> dict[str, dict[str, Status]]:
    return {e.flaw: e.statuses for e in _events(job) if isinstance(e, FlawTried)}


def test_results_do_not_depend_on_the_seed() -> None:
    """Flaws never look at the values of a scenario."""
    only = ["as/redirect-uri/*", "as/pkce/*"]
    one = _statuses(Job(kind="prove", role="authorization-server", only=only))
    other = _statuses(
        Job(kind="prove", role="authorization-server", only=only, seed=987_654_321)
    )
    assert len(one) > 5
    assert one == other


async def test_the_honest_reference_passes_everything_under_another_seed() -> None:
    events: list[AnyEvent] = []
    now = asyncio.get_running_loop().time
    code = await run_job(Job(seed=4711), events.append, now, asyncio.Event())
    ended = [event for event in events if isinstance(event, ScenarioFinished)]
    others = {e.id: e.reason for e in ended if e.status is not Status.PASSED}
    assert others == {}
    assert len(ended) == len(load_catalogue().instances)
    assert code == 0
