"""Coverage comes from the proof: asking is not enough, the question has to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimd_conformance.catalogue import Instance, load_attacks, load_requirements
from cimd_conformance.model import (
    ConfigError,
    Expect,
    FlawTried,
    Role,
    Scenario,
    Severity,
    Status,
)
from cimd_conformance.prove import (
    coverage,
    coverage_differences,
    proven_requirements,
    read_proven,
    write_proven,
)

PKCE = "pkce-plain-refused"
EXACT = "cimd-redirect-exact-match"


def _instance(*requirements: str, flaws: tuple[str, ...] = ("a-flaw",)) -> Instance:
    expect = [Expect(name, outcome=["refused"]) for name in requirements]
    scenario = Scenario(
        "as/x",
        "One",
        Role.AUTHORIZATION_SERVER,
        "authorization-code",
        Severity.HIGH,
        expect,
        flaws=list(flaws),
        attacks=["authz-pkce-plain"],
    )
    return Instance("as/x", scenario, {}, "x.toml")


def _tried(flaw: str, *illegal: str) -> dict[str, FlawTried]:
    statuses = {"as/x": Status.FAILED}
    event = FlawTried(
        0.0, flaw, "check", "title", statuses, illegal={"as/x": list(illegal)}
    )
    return {flaw: event}


def test_the_fixtures_are_real() -> None:
    assert {PKCE, EXACT} <= set(load_requirements())
    assert "authz-pkce-plain" in load_attacks()


def test_only_the_expectation_that_failed_is_covered() -> None:
    instance = _instance(PKCE, EXACT)
    proven = proven_requirements([instance], _tried("a-flaw", "2 outcome"))
    assert proven == {EXACT: ["as/x"]}


def test_a_flaw_that_the_scenario_is_not_for_covers_nothing() -> None:
    proven = proven_requirements([_instance(PKCE)], _tried("other", "1 outcome"))
    assert proven == {}


def _states(
    instance: Instance, proven: dict[str, list[str]], file: Path
) -> dict[str, tuple[str, str]]:
    found = coverage([instance], proven, file)
    return {each.id: (each.state, each.why) for each in found}


def test_each_id_is_covered_explained_or_open(tmp_path: Path) -> None:
    file = tmp_path / "unexamined.toml"
    file.write_text(f'[[requirement]]\nids = ["{PKCE}"]\nwhy = "Because."\n', "utf-8")
    states = _states(_instance(EXACT), {EXACT: ["as/x"]}, file)
    assert states[EXACT] == ("covered", "")
    assert states[PKCE] == ("explained", "Because.")
    assert states["authz-pkce-plain"] == ("covered", "")
    assert states["client-token-storage"][0] == "explained"
    assert states["as-https-endpoints"][0] == "open"
    assert set(states) == set(load_requirements()) | set(load_attacks())


def test_an_attack_counts_only_where_something_is_proven(tmp_path: Path) -> None:
    states = _states(_instance(EXACT), {}, tmp_path / "none.toml")
    assert states["authz-pkce-plain"][0] == "open"


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ('"no-such-id"', "is not in the catalogue"),
        (f'"{EXACT}"', "is covered by now"),
        (f'"{PKCE}", "{PKCE}"', "is explained twice"),
    ],
)
def test_a_wrong_explanation_is_told(tmp_path: Path, ids: str, said: str) -> None:
    file = tmp_path / "unexamined.toml"
    file.write_text(f'[[requirement]]\nids = [{ids}]\nwhy = "Because."\n', "utf-8")
    with pytest.raises(ConfigError, match=said):
        _states(_instance(EXACT), {EXACT: ["as/x"]}, file)


def test_the_reviewed_file_is_compared(tmp_path: Path) -> None:
    file = tmp_path / "coverage.json"
    assert read_proven(file) == {}
    write_proven(file, {EXACT: ["as/x"], PKCE: ["as/y"]})
    now = {EXACT: ["as/x", "as/z"]}
    assert coverage_differences(read_proven(file), now) == [
        f"{EXACT}: now proven by as/z",
        f"{PKCE}: no longer proven by as/y",
    ]
    assert coverage_differences(now, now) == []
