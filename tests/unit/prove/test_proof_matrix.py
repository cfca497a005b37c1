"""What a proof owes: victims, parts, and no flaw that proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimd_conformance.catalogue import Instance
from cimd_conformance.model import (
    ConfigError,
    Expect,
    FlawTried,
    Message,
    Role,
    Scenario,
    Severity,
    Status,
)
from cimd_conformance.prove import Matrix, differences
from cimd_conformance.prove._matrix import without
from cimd_conformance.prove._parts import Unproven, read_unproven

EXPECT = [
    Expect("first", outcome=["refused"], untouched=["evil"]),
    Expect("second", in_=Message.AS_METADATA, touched=["client"]),
]
PARTS = ["1 outcome", "1 untouched", "2 touched", "2 message"]


def instance(scenario: str = "as/x", case: str = "", *flaws: str) -> Instance:
    named = list(flaws or ("weak",))
    role, severity = Role.AUTHORIZATION_SERVER, Severity.LOW
    return Instance(
        f"{scenario}[{case}]" if case else scenario,
        Scenario(scenario, "T", role, "f", severity, EXPECT, flaws=named),
        {},
        "x.toml",
    )


def tried(
    flaw: str, statuses: dict[str, Status], illegal: dict[str, list[str]] | None = None
) -> FlawTried:
    return FlawTried(0.0, flaw, "check", "T.", statuses, {}, illegal or {})


def matrix(*events: FlawTried, instances: list[Instance] | None = None) -> Matrix:
    return Matrix(instances or [instance()], {one.flaw: one for one in events})


def parts(found: Matrix, *unproven: Unproven, everything: bool = True) -> list[str]:
    return found.parts(unproven, everything=everything)


# --- parts --------------------------------------------------------------------------


def test_each_part_of_each_expectation_has_to_be_illegal_once() -> None:
    failed = {"as/x": Status.FAILED}
    found = matrix(tried("weak", failed, {"as/x": ["1 outcome", "2 message"]}))
    assert parts(found) == [
        "as/x: expectation 1 (first), part untouched: no flaw makes it illegal.",
        "as/x: expectation 2 (second), part touched: no flaw makes it illegal.",
    ]
    assert found.proven_parts() == 2


def test_several_flaws_and_instances_prove_the_parts_together() -> None:
    instances = [instance("as/x", "a"), instance("as/x", "b")]
    found = matrix(
        tried("weak", {}, {"as/x[a]": PARTS[:1], "as/x[b]": PARTS[1:2]}),
        tried("other", {}, {"as/x[b]": PARTS[2:]}),
        instances=instances,
    )
    assert parts(found) == []
    assert found.proven_parts() == len(PARTS)


def test_another_scenario_s_part_is_no_proof() -> None:
    found = matrix(
        tried("weak", {}, {"as/y": PARTS}), instances=[instance(), instance("as/y")]
    )
    assert len(parts(found)) == len(PARTS)
    assert all(hole.startswith("as/x: ") for hole in parts(found))


def test_a_reviewed_exception_stands_for_a_part() -> None:
    found = matrix(tried("weak", {}, {"as/x": PARTS[1:]}))
    excuse = Unproven("as/x", 1, "outcome", "Because.")
    assert parts(found, excuse) == []
    assert found.excused([excuse, Unproven("as/y", 1, "outcome", "W")]) == [excuse]


def test_an_exception_that_is_not_needed_is_a_hole() -> None:
    found = matrix(tried("weak", {}, {"as/x": PARTS}))
    (hole,) = parts(found, Unproven("as/x", 2, "touched", "Because."))
    assert "a flaw makes it illegal" in hole


@pytest.mark.parametrize(
    "entry",
    [
        Unproven("as/gone", 1, "outcome", "W"),
        Unproven("as/x", 3, "outcome", "W"),
        Unproven("as/x", 1, "message", "W"),
    ],
)
def test_an_exception_for_nothing_is_a_hole_when_everything_runs(
    entry: Unproven,
) -> None:
    found = matrix(tried("weak", {}, {"as/x": PARTS}))
    (hole,) = parts(found, entry)
    assert hole.endswith("there is no such part.")
    assert parts(found, entry, everything=False) == []


def test_the_exceptions_are_read_with_their_reasons(tmp_path: Path) -> None:
    file = tmp_path / "unproven.toml"
    assert read_unproven(file) == []
    row = 'scenario = "as/x"\nexpectation = 1\npart = "outcome"\n'
    file.write_text(f'[[unproven]]\n{row}why = "W."\n', "utf-8")
    assert read_unproven(file) == [Unproven("as/x", 1, "outcome", "W.")]
    file.write_text(f"[[unproven]]\n{row}", "utf-8")
    with pytest.raises(ConfigError, match="why"):
        read_unproven(file)


# --- vacuous proofs -----------------------------------------------------------------


def test_a_flaw_asked_for_has_to_have_a_victim() -> None:
    found = matrix(tried("idle", {"as/x": Status.PASSED}), tried("weak", {}))
    assert found.vacuous(["idle"]) == ["No scenario detects the flaw idle (1 run)."]
    assert found.vacuous(["never-run"]) == [
        "No scenario detects the flaw never-run (0 run)."
    ]


def test_a_flaw_that_a_scenario_names_is_told_once() -> None:
    found = matrix(tried("weak", {"as/x": Status.PASSED}))
    assert found.vacuous(["weak"]) == []
    assert any("does not detect" in hole for hole in found.holes(["weak"]))


def test_a_victim_that_does_not_name_the_flaw_counts_for_the_command_line() -> None:
    found = matrix(tried("other", {"as/x": Status.FAILED}))
    assert found.vacuous(["other"]) == []


@pytest.mark.parametrize("status", [Status.INCONCLUSIVE, Status.ERROR, Status.PASSED])
def test_only_failing_is_detecting(status: Status) -> None:
    found = matrix(tried("weak", {"as/x": status}), tried("other", {"as/x": status}))
    assert found.undetected() == ["other", "weak"]
    assert found.holes(["weak"])
    assert found.vacuous(["other"])


# --- full ---------------------------------------------------------------------------


def test_collateral_is_about_flaws_that_a_scenario_names() -> None:
    instances = [instance("as/x", "", "weak"), instance("as/y", "", "other")]
    failed = {"as/x": Status.FAILED, "as/y": Status.FAILED}
    found = matrix(tried("weak", failed), tried("unnamed", failed), instances=instances)
    assert found.collateral() == {"weak": {"fails": ["as/y"]}}


def test_a_flaw_that_nobody_names_or_notices_is_listed_and_is_no_hole() -> None:
    found = matrix(
        tried("weak", {"as/x": Status.FAILED}, {"as/x": PARTS}),
        tried("unnamed", {"as/x": Status.PASSED}),
    )
    assert found.undetected() == ["unnamed"]
    assert found.holes(found.tried) == []
    assert parts(found) == []


def test_a_reviewed_row_of_a_flaw_that_is_gone_differs() -> None:
    reviewed = {"gone": {"fails": ["as/x"]}}
    assert differences(reviewed, {}, ["gone"]) == ["gone: as/x no longer fails"]


def test_what_could_not_be_run_here_owes_nothing() -> None:
    both = [instance(case="a"), instance(case="b")]
    found = matrix(tried("weak", {"as/x[a]": Status.FAILED}), instances=both)
    assert found.holes(["weak"]) == ["as/x[b] fails under none of its flaws: weak."]
    found.leave_out({"as/x[a]": Status.PASSED, "as/x[b]": Status.NOT_RUN})
    assert found.holes(["weak"]) == []
    assert found.left_out == {"as/x[b]"}


def test_collateral_is_compared_without_it() -> None:
    reviewed = {"one": {"fails": ["a", "b"]}, "two": {"inconclusive": ["b"]}}
    assert without(reviewed, {"b"}) == {"one": {"fails": ["a"]}}
