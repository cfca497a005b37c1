"""The options of a run, for real: on the references, and on a target."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from suite_support import MODULE, Miniature


def demo(folder: Path, *words: str, code: int = 0) -> list[dict[str, Any]]:
    """Run the demo; return its events."""
    file = folder / "out.ndjson"
    done = subprocess.run(
        [*MODULE, "demo", "--ndjson", str(file), *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def ended(events: list[dict[str, Any]]) -> dict[str, str]:
    found = [each for each in events if each["event"] == "scenario-finished"]
    return {each["id"]: each["status"] for each in found}


def test_globs_choose_and_leave_out(tmp_path: Path) -> None:
    words = ["--only", "as/pkce/*", "--only", "ts/flow/scheme-case"]
    found = ended(demo(tmp_path, *words, "--skip", "*[another]"))
    assert "as/pkce/missing" in found
    assert "ts/flow/scheme-case[protocol=2025-11-25]" in found
    assert "as/pkce/wrong-verifier[the-challenge-itself]" in found
    assert "as/pkce/wrong-verifier[another]" not in found
    assert {name.split("/")[1] for name in found} == {"pkce", "flow"}


def test_one_role(tmp_path: Path) -> None:
    found = ended(demo(tmp_path, "--only", "*/flow/*", "--role", "tool-server"))
    assert found
    assert {name.split("/")[0] for name in found} == {"ts"}


def test_a_profile_excuses_what_its_text_does_not_demand(tmp_path: Path) -> None:
    only = ["--only", "as/pkce/plain", "--only", "as/redirect-uri/unlisted-host"]
    assert set(ended(demo(tmp_path, *only)).values()) == {"passed"}
    found = ended(demo(tmp_path, *only, "--profile", "cimd-03"))
    assert found["as/pkce/plain"] == "not-applicable"
    assert found["as/redirect-uri/unlisted-host"] == "passed"


def test_strict_makes_a_warning_a_failure(tmp_path: Path) -> None:
    words = ["--only", "as/pkce/plain", "--flaw", "pkce-plain-accepted"]
    assert ended(demo(tmp_path, *words)) == {"as/pkce/plain": "warned"}
    demo(tmp_path, *words, "--strict", code=1)


@pytest.mark.parametrize("file", ["strict.json", "strict.ndjson"])
def test_a_strict_run_is_replayed_strictly(tmp_path: Path, file: str) -> None:
    scenario = "as/pkce/plain"
    words = ["--only", scenario, "--flaw", "pkce-plain-accepted"]
    option = f"--{file.partition('.')[2]}"
    for more, code in (([], 0), (["--strict"], 1)):
        run = [*MODULE, "demo", *words, *more, option, file]
        assert subprocess.run(run, cwd=tmp_path, check=False).returncode == code
        again = subprocess.run(
            [*MODULE, "replay", scenario, file],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert again.returncode == code
        assert ("seed 0, strict\n" in again.stdout) is bool(more)


def states(events: list[dict[str, Any]]) -> list[str]:
    """Return the authorization requests of a scenario, where chance shows."""
    return [
        each["request"]["start"]
        for each in events
        if each["event"] == "exchange"
        and each["scenario"] == "as/pkce/plain"
        and each["message"] == "authorization_request"
    ]


def test_the_seed_decides_what_chance_does(tmp_path: Path) -> None:
    only = ["--only", "as/pkce/plain", "--jobs", "1"]
    first, again, other = (
        states(demo(tmp_path, *only, "--seed", seed)) for seed in ("5", "5", "6")
    )
    assert first
    assert first == again
    assert first != other


def most_at_once(events: list[dict[str, Any]]) -> int:
    """Return the most scenarios that had begun and not ended."""
    running: set[str] = set()
    most = 0
    for event in events:
        if event["event"] == "scenario-started":
            running.add(event["id"])
            most = max(most, len(running))
        if event["event"] == "scenario-finished":
            running.discard(event["id"])
    return most


def test_jobs_are_how_many_run_at_once(tmp_path: Path) -> None:
    only = ["--only", "as/redirect-uri/near-miss"]
    assert most_at_once(demo(tmp_path, *only, "--jobs", "1")) == 1
    assert most_at_once(demo(tmp_path, *only, "--jobs", "6")) > 1


def test_the_same_options_for_a_target(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "plain")
    words = ["--skip", "*[another]", "--seed", "3", "--jobs", "1", "--strict"]
    command = miniature.command("as/pkce/*")
    done = subprocess.run(
        [*command, *words, "--profile", "mcp-2025-11-25"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert (document["seed"], document["profile"]) == (3, "mcp-2025-11-25")
    found = {each["id"] for each in document["scenarios"]}
    assert "as/pkce/wrong-verifier[the-challenge-itself]" in found
    assert "as/pkce/wrong-verifier[another]" not in found
    assert all(name.startswith("as/pkce/") for name in found)


@pytest.mark.parametrize("command", ["demo", "run"])
def test_an_unknown_profile_is_told_with_those_there_are(
    tmp_path: Path, command: str
) -> None:
    miniature = Miniature(tmp_path, "plain")
    target = [str(miniature.file), "--network", "loopback"] if command == "run" else []
    done = subprocess.run(
        [*MODULE, command, *target, "--profile", "cimd-99"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "cimd-99" in done.stderr
    assert "mcp-2026-07-28" in done.stderr
