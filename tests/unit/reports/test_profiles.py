"""One run under every profile: what its answers are worth there."""

from __future__ import annotations

import msgspec
import pytest
from report_samples import UNLISTED, check, header

from cimd_conformance.catalogue import Profile
from cimd_conformance.model import (
    AnyEvent,
    Check,
    Level,
    RunFinished,
    ScenarioFinished,
    Status,
    Verdict,
)
from cimd_conformance.reports import Report
from cimd_conformance.reports._profiles import all_profiles, judge_under, levels_of

RULE = "cimd-redirect-exact-match"
OTHER = "another-rule"


def report(end: ScenarioFinished, *checks: Check, asked: str = "hardened") -> Report:
    """Return a run with one scenario about `RULE`."""
    started = header()
    plan = [each for each in started.plan if each.id == UNLISTED]
    events: list[AnyEvent] = [
        msgspec.structs.replace(started, plan=plan, profile=asked),
        *checks,
        end,
        RunFinished(1.0, "failed", 1, {}, 1.0),
    ]
    found = Report()
    for event in events:
        found.add(event)
    return found


def profile(**levels: Level) -> Profile:
    return Profile(
        "p", "P", {name.replace("_", "-"): level for name, level in levels.items()}, {}
    )


def ended(status: Status) -> ScenarioFinished:
    return ScenarioFinished(1.0, UNLISTED, status)


ILLEGAL = check(UNLISTED, Status.FAILED, illegal=["outcome"])
LEGAL = check(UNLISTED, Status.PASSED)


@pytest.mark.parametrize(
    ("level", "status", "verdict"),
    [
        (Level.MUST, Status.FAILED, Verdict.FAILED),
        (Level.SHOULD, Status.WARNED, Verdict.CONFORMANT),
        (Level.MAY, Status.PASSED, Verdict.CONFORMANT),
    ],
)
def test_an_illegal_answer_is_worth_its_level(
    level: Level, status: Status, verdict: Verdict
) -> None:
    run = report(ended(Status.FAILED), ILLEGAL)
    found = judge_under(profile(cimd_redirect_exact_match=level), run)
    assert (found.counts, found.verdict) == ({status: 1}, verdict)


def test_strict_makes_a_warning_fail() -> None:
    run = report(ended(Status.FAILED), ILLEGAL)
    should = profile(cimd_redirect_exact_match=Level.SHOULD)
    assert judge_under(should, run, strict=True).verdict is Verdict.FAILED


def test_a_legal_answer_is_legal_everywhere() -> None:
    run = report(ended(Status.PASSED), LEGAL)
    found = judge_under(profile(cimd_redirect_exact_match=Level.MUST), run)
    assert found.counts == {Status.PASSED: 1}


def test_what_a_profile_does_not_demand_does_not_count() -> None:
    found = judge_under(
        profile(else_=Level.MUST), report(ended(Status.FAILED), ILLEGAL)
    )
    assert (found.counts, found.verdict) == ({}, Verdict.NOTHING_RAN)


def test_what_was_not_asked_forbids_conformance() -> None:
    run = report(ended(Status.NOT_APPLICABLE), asked="no-such-profile")
    found = judge_under(profile(cimd_redirect_exact_match=Level.MUST), run)
    assert found.unasked == 1
    assert found.verdict is not Verdict.CONFORMANT


def test_a_doubt_is_a_doubt_everywhere() -> None:
    strict = profile(cimd_redirect_exact_match=Level.MUST)
    for run in (
        report(ended(Status.INCONCLUSIVE)),
        report(ended(Status.INCONCLUSIVE), check(UNLISTED, Status.INCONCLUSIVE)),
        report(ended(Status.INCONCLUSIVE), LEGAL),
        report(ended(Status.NOT_APPLICABLE), check(UNLISTED, Status.NOT_APPLICABLE)),
    ):
        assert judge_under(strict, run).counts == {Status.INCONCLUSIVE: 1}


def test_proof_outweighs_a_doubt_about_something_else() -> None:
    doubt = check(UNLISTED, Status.INCONCLUSIVE, requirement=OTHER)
    run = report(ended(Status.INCONCLUSIVE), ILLEGAL, doubt)
    demanded = profile(cimd_redirect_exact_match=Level.MUST)
    assert judge_under(demanded, run).counts == {Status.FAILED: 1}
    run = report(ended(Status.INCONCLUSIVE), ILLEGAL)
    assert judge_under(demanded, run).counts == {Status.FAILED: 1}


def test_the_profile_of_the_run_gives_the_verdict_of_the_run() -> None:
    run = report(ended(Status.FAILED), ILLEGAL)
    verdicts = {each.id: judge_under(each, run) for each in all_profiles()}
    assert verdicts["hardened"].verdict is Verdict.FAILED
    assert levels_of("hardened")[RULE] is Level.MUST
    assert levels_of("no-such-profile") == {}
