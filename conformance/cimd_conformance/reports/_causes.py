"""Failures by cause: the same clause broken in the same way is one thing to mend."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from cimd_conformance.model import Check, Outcome, Severity, Status
from cimd_conformance.reports._report import ScenarioResult

_OUTCOME = re.compile(rf"(?:^|; )({'|'.join(map(re.escape, Outcome))}): ")
_REACHED = re.compile(r"(?:^|; )\S+ (was (?:not )?reached(?:, and asked nothing)?)\b")
_PART = re.compile(r"^(\w+(?:\.\S+)*) is ")
_VARYING = re.compile(r"[a-z][a-z0-9+.-]*://\S+|'[^']*'|\"[^\"]*\"|‹[^›]*›|\d+")

Shape = tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """Results that share a cause; the first is the one to look at."""

    members: tuple[ScenarioResult, ...]

    @property
    def example(self) -> ScenarioResult:
        """The worst of them."""
        return self.members[0]

    @property
    def others(self) -> tuple[ScenarioResult, ...]:
        """All but the worst."""
        return self.members[1:]


def causes(results: Iterable[ScenarioResult]) -> list[Cause]:
    """Group results by their cause: the worst severity first, then the largest."""
    groups: dict[Shape, list[ScenarioResult]] = {}
    for result in results:
        groups.setdefault(_shape_of(result), []).append(result)
    found = [Cause(tuple(sorted(group, key=_badness))) for group in groups.values()]
    return sorted(found, key=lambda c: (_badness(c.example)[0], -len(c.members)))


def bad_checks(result: ScenarioResult) -> list[Check]:
    """Return the checks that say why a result is what it is."""
    bad = (Status.ERROR, Status.FAILED, Status.WARNED, Status.INCONCLUSIVE)
    return [check for check in result.checks if check.status in bad]


def shape(actual: str) -> str:
    """Return what was seen without what is different in each scenario.

    Where the flow ended says most; else that somebody was reached, and whether he was
    asked for anything; else which part of a message is wrong.
    """
    outcome = _OUTCOME.search(actual)
    if outcome is not None:
        return outcome[1]
    reached = _REACHED.findall(actual)
    if reached:
        return "; ".join(sorted(set(reached)))
    part = _PART.match(actual)
    return part[1] if part else _VARYING.sub("…", actual)


def _shape_of(result: ScenarioResult) -> Shape:
    """Return what two results with the same cause have in common."""
    checks = [check for check in bad_checks(result) if check.status is result.status]
    if not checks:
        return (result.status, shape(result.reason))
    broken = sorted({f"{check.requirement} {shape(check.actual)}" for check in checks})
    return (result.status, *broken)


def _badness(result: ScenarioResult) -> tuple[int, bool, int]:
    """Return what sorts the worst first, then the plainest."""
    severity = list(Severity).index(result.planned.severity)
    proof = {"untouched", "unasked"}
    reached = any(proof & set(check.illegal) for check in result.checks)
    return (severity, not reached, len(result.planned.change))
