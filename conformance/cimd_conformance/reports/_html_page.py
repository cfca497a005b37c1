"""The page around the evidence: verdicts, facts, and what each scenario says."""

from __future__ import annotations

import collections
import dataclasses
import re
import shlex

from cimd_conformance.catalogue import Profile, load_attacks
from cimd_conformance.model import (
    Check,
    Control,
    Level,
    Role,
    RunFinished,
    RunStarted,
    Severity,
    Status,
)
from cimd_conformance.reports._causes import Cause, bad_checks, causes
from cimd_conformance.reports._profiles import ProfileVerdict, judge_under
from cimd_conformance.reports._report import Report, ScenarioResult
from cimd_conformance.reports._types import ErrorEntry
from cimd_conformance.reports._wording import reason_of

ORDER = (
    Status.FAILED,
    Status.ERROR,
    Status.INCONCLUSIVE,
    Status.WARNED,
    Status.PASSED,
    Status.NOT_RUN,
    Status.NOT_APPLICABLE,
)
"""What a reader wants to see first."""

_BAD = (Status.ERROR, Status.FAILED, Status.WARNED, Status.INCONCLUSIVE)
_FINE = (Status.PASSED, Status.NOT_APPLICABLE)


@dataclasses.dataclass(frozen=True, slots=True)
class CheckView:
    """One question and its answer."""

    requirement: str
    level: str
    """Empty where the profile does not demand it."""
    status: Status
    clause: str
    expected: str
    got: str
    reason: str
    fix: str
    """How it is usually mended; empty where nothing is to be."""
    elsewhere: str
    """The level in the other profiles."""


@dataclasses.dataclass(frozen=True, slots=True)
class ScenarioView:
    """One scenario, without its evidence."""

    anchor: str
    id: str
    title: str
    status: Status
    severity: Severity
    role: Role
    reason: str
    checks: tuple[CheckView, ...]
    change: tuple[str, ...]
    attacks: tuple[str, ...]
    control: str | None
    control_anchor: str | None
    replay: str
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class CauseView:
    """Scenarios that ended so for the same cause, the one to look at first."""

    title: str
    """Empty where there is only one, or nothing to mend."""
    scenarios: tuple[ScenarioView, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """The scenarios of one status."""

    status: Status
    size: int
    causes: tuple[CauseView, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ControlView:
    """One legitimate flow, without its evidence."""

    anchor: str
    id: str
    status: Status
    reason: str
    when: str
    users: int
    """How many scenarios rest on it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Everything about a run but its evidence."""

    started: RunStarted
    finished: RunFinished
    error: ErrorEntry | None
    profiles: tuple[ProfileVerdict, ...]
    """That of the run comes first."""
    groups: tuple[Group, ...]
    controls: tuple[ControlView, ...]
    exits: tuple[tuple[int, tuple[str, ...]], ...]
    roles: tuple[str, ...]


def anchor_of(name: str) -> str:
    """Return an id of a scenario or control as the anchor of its element."""
    return re.sub(r"\s", "_", name)


def page_of(report: Report, profiles: list[Profile], replay: str) -> Page:
    """Return the page of a run that has its header and its footer."""
    started, finished = report.started, report.finished
    if started is None or finished is None:
        raise ValueError("The run has no header or no footer.")
    return Page(
        started,
        finished,
        ErrorEntry.of(finished),
        _verdicts(report, profiles, strict=started.strict),
        tuple(_groups(report, profiles, replay)),
        tuple(_controls(report)),
        tuple((event.code, tuple(event.last_output)) for event in report.exits),
        tuple(sorted({r.planned.role.value for r in report.scenarios.values()})),
    )


def _verdicts(
    report: Report, profiles: list[Profile], *, strict: bool
) -> tuple[ProfileVerdict, ...]:
    own = report.started.profile if report.started else ""
    found = [judge_under(profile, report, strict=strict) for profile in profiles]
    return tuple(sorted(found, key=lambda each: each.id != own))


def _groups(report: Report, profiles: list[Profile], replay: str) -> list[Group]:
    levels = {profile.id: profile.levels for profile in profiles}
    groups = []
    for status in ORDER:
        results = report.by_status(status)
        if not results:
            continue
        together = [Cause(tuple(results))] if status in _FINE else causes(results)
        shown = tuple(
            CauseView(
                _cause_title(report, cause) if status not in _FINE else "",
                tuple(_scenario(report, r, levels, replay) for r in cause.members),
            )
            for cause in together
        )
        groups.append(Group(status, len(results), shown))
    return groups


def _cause_title(report: Report, cause: Cause) -> str:
    """Return what the members have in common."""
    if not cause.others:
        return ""
    checks = bad_checks(cause.example)
    broken = dict.fromkeys(check.requirement for check in checks)
    what = ", ".join(broken) if broken else reason_of(report, cause.example)
    return f"{len(cause.members)} with one cause: {what}"


def _scenario(
    report: Report,
    result: ScenarioResult,
    levels: dict[str, dict[str, Level]],
    replay: str,
) -> ScenarioView:
    planned = result.planned
    told = any(check.reason == result.reason for check in result.checks)
    shows_reason = result.status is not Status.PASSED and not told
    needs_reason = shows_reason and (result.reason or not result.checks)
    control = report.control(result.control)
    return ScenarioView(
        anchor_of(planned.id),
        planned.id,
        planned.title,
        result.status,
        planned.severity,
        planned.role,
        reason_of(report, result) if needs_reason else "",
        tuple(_check(check, report, levels) for check in result.checks),
        tuple(planned.change),
        tuple(_attack(name) for name in planned.attacks),
        result.control,
        anchor_of(control.id) if control is not None else None,
        f"{replay} --only {shlex.quote(planned.id)}" if replay else "",
        result.seconds,
    )


def _attack(name: str) -> str:
    attack = load_attacks().get(name)
    return f"{attack.title} ({name})" if attack is not None else name


def _check(
    check: Check, report: Report, levels: dict[str, dict[str, Level]]
) -> CheckView:
    own = report.started.profile if report.started else ""
    elsewhere: dict[str, list[str]] = collections.defaultdict(list)
    for profile, demanded in levels.items():
        if profile != own:
            level = demanded.get(check.requirement)
            elsewhere[level.value if level else "not demanded"].append(profile)
    return CheckView(
        check.requirement,
        check.level.value if check.level is not None else "",
        check.status,
        check.clause,
        "; and ".join(check.expected) or "nothing",
        check.actual,
        check.reason,
        check.fix if check.status in _BAD else "",
        "; ".join(
            f"{level} in {', '.join(names)}" for level, names in elsewhere.items()
        ),
    )


def _controls(report: Report) -> list[ControlView]:
    users = collections.Counter(r.control for r in report.scenarios.values())
    return [_control(control, users[control.id]) for control in report.controls]


def _control(control: Control, users: int) -> ControlView:
    closing = control.closing_for
    when = "at the end of the run" if closing == "end" else f"after {closing}"
    anchor = control.id if closing is None else f"{control.id}#{closing}"
    return ControlView(
        anchor_of(anchor),
        control.id,
        control.status,
        control.reason,
        when if closing is not None else "",
        users,
    )
