"""A run seen under every profile: which verdict its answers give there.

A check says whether the answer was legal; the level of its requirement says what that
is worth. So one run answers for all profiles, as far as it asked: what the profile of
the run does not demand was not asked, and stays open under the others.
"""

from __future__ import annotations

import collections
import dataclasses

from cimd_conformance.catalogue import Profile, load_profile, profile_names
from cimd_conformance.model import (
    WORST_FIRST,
    Check,
    Level,
    Status,
    Verdict,
    verdict,
)
from cimd_conformance.reports._report import Report, ScenarioResult

_UNDECIDED = (Status.INCONCLUSIVE, Status.NOT_RUN, Status.ERROR)


@dataclasses.dataclass(frozen=True, slots=True)
class ProfileVerdict:
    """What a run says about one profile."""

    id: str
    title: str
    verdict: Verdict
    counts: dict[Status, int]
    """Scenarios of this profile by status, from the worst."""
    unasked: int
    """Scenarios that this profile demands and the profile of the run does not."""


def all_profiles() -> list[Profile]:
    """Return every profile of the catalogue."""
    return [load_profile(name) for name in profile_names()]


def levels_of(profile: str) -> dict[str, Level]:
    """Return the levels of a profile; none where the catalogue does not know it."""
    return load_profile(profile).levels if profile in profile_names() else {}


def judge_under(
    profile: Profile, report: Report, *, strict: bool = False
) -> ProfileVerdict:
    """Return the verdict that the answers of a run give under a profile.

    With something unasked there is no verdict of conformance.
    """
    started, finished = report.started, report.finished
    asked = levels_of(started.profile if started else "")
    seen: collections.Counter[Status] = collections.Counter()
    unasked = 0
    for result in report.scenarios.values():
        wanted = result.planned.requirements
        if not any(name in profile.levels for name in wanted):
            continue
        if not result.checks and not any(name in asked for name in wanted):
            unasked += 1
            continue
        status = _status(profile, result)
        if status is not None:
            seen[status] += 1
    counts = {status: seen[status] for status in WORST_FIRST if seen[status]}
    word, _ = verdict(
        {str(status): count for status, count in counts.items()},
        strict=strict,
        interrupted=finished is None or finished.interrupted,
    )
    if unasked and word is Verdict.CONFORMANT:
        word = Verdict.INCONCLUSIVE
    return ProfileVerdict(profile.id, profile.title, word, counts, unasked)


def _status(profile: Profile, result: ScenarioResult) -> Status | None:
    """Return a scenario's status under a profile; None where nothing was asked."""
    graded = {_grade(profile, check) for check in result.checks}
    own = result.status
    if own in _UNDECIDED and own not in {check.status for check in result.checks}:
        return Status.FAILED if Status.FAILED in graded else own
    if not result.checks:
        return own
    return next((status for status in WORST_FIRST if status in graded), None)


def _grade(profile: Profile, check: Check) -> Status | None:
    """Return the status of one answer under a profile; None: not demanded there."""
    level = profile.levels.get(check.requirement)
    if level is None:
        return None
    if check.illegal:
        grades = {Level.MUST: Status.FAILED, Level.SHOULD: Status.WARNED}
        return grades.get(level, Status.PASSED)
    if check.status in (Status.INCONCLUSIVE, Status.ERROR):
        return check.status
    if check.status is Status.NOT_APPLICABLE:
        # Legal, or not to be said: the check does not tell, so neither do we.
        return Status.INCONCLUSIVE
    return Status.PASSED
