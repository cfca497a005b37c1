"""The fold: a stream of events becomes results per scenario."""

from __future__ import annotations

import collections
import dataclasses
import enum

from cimd_conformance.model import (
    AnyEvent,
    Check,
    ContactSeen,
    Control,
    Exchange,
    Finding,
    FlawTried,
    InitProgress,
    KeptOpen,
    PlannedInstance,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    Status,
    TargetDescribed,
    TargetExited,
    TargetOutput,
)

UNFINISHED = "The run ended before this scenario did."


class Keep(enum.Enum):
    """How much evidence a report holds on to."""

    NOTHING = "nothing"
    """Statuses only."""
    NOT_PASSED = "not-passed"
    """The evidence of everything that did not pass, and of the controls."""
    ALL = "all"


_QUIET = (Status.PASSED, Status.NOT_APPLICABLE)


@dataclasses.dataclass(slots=True)
class Evidence:
    """What was seen, in the order of its numbers."""

    exchanges: list[Exchange] = dataclasses.field(default_factory=list)
    contacts: list[ContactSeen] = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.exchanges or self.contacts)

    def add(self, item: Exchange | ContactSeen) -> None:
        """Take one more item in."""
        if isinstance(item, Exchange):
            self.exchanges.append(item)
        else:
            self.contacts.append(item)

    def of(self, numbers: list[int]) -> list[Exchange | ContactSeen]:
        """Return the items with these numbers."""
        wanted = set(numbers)
        return [item for item in self.items() if item.number in wanted]

    def items(self) -> list[Exchange | ContactSeen]:
        """Return exchanges and contacts together, by number."""
        both: list[Exchange | ContactSeen] = [*self.exchanges, *self.contacts]
        return sorted(both, key=lambda item: item.number)


@dataclasses.dataclass(slots=True)
class ScenarioResult:
    """One scenario instance, as far as the stream has told."""

    planned: PlannedInstance
    status: Status = Status.NOT_RUN
    reason: str = UNFINISHED
    seconds: float = 0.0
    control: str | None = None
    finished: bool = False
    checks: list[Check] = dataclasses.field(default_factory=list)
    evidence: Evidence = dataclasses.field(default_factory=Evidence)


def control_label(control: Control) -> str:
    """Return what exchanges and contacts of a control name as their scenario."""
    if control.closing_for is None:
        return control.id
    return f"{control.id}#{control.closing_for}"


class Report:
    """The state of a run after the events added so far."""

    def __init__(self, keep: Keep = Keep.NOT_PASSED) -> None:
        self._keep = keep
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.scenarios: dict[str, ScenarioResult] = {}
        self.controls: list[Control] = []
        self.control_evidence: dict[str, Evidence] = {}
        self.exits: list[TargetExited] = []
        self.kept_open = False

    def add(self, event: AnyEvent) -> None:
        """Take the next event in."""
        match event:
            case RunStarted():
                self._start(event)
            case Exchange() | ContactSeen():
                self._keep_evidence(event)
            case Check():
                if event.scenario in self.scenarios:
                    self.scenarios[event.scenario].checks.append(event)
            case ScenarioFinished():
                self._finish(event)
            case Control():
                self.controls.append(event)
            case TargetExited():
                self.exits.append(event)
            case KeptOpen():
                self.kept_open = True
            case RunFinished():
                self.finished = event
            case ScenarioStarted() | TargetOutput() | FlawTried() | Finding():
                pass
            case InitProgress() | TargetDescribed():
                pass

    def counts(self) -> dict[str, int]:
        """Return how many scenarios have each status, in a stable order."""
        seen = collections.Counter(each.status for each in self.scenarios.values())
        return {str(status): seen[status] for status in Status if seen[status]}

    def by_status(self, *statuses: Status) -> list[ScenarioResult]:
        """Return the results with one of these statuses, in the order of the plan."""
        return [each for each in self.scenarios.values() if each.status in statuses]

    def control(self, control_id: str | None) -> Control | None:
        """Return the opening control of this id."""
        for control in self.controls:
            if control.id == control_id and control.closing_for is None:
                return control
        return None

    def evidence_of(self, control: Control) -> Evidence:
        """Return what was seen in a control."""
        return self.control_evidence.get(control_label(control), Evidence())

    def _finish(self, event: ScenarioFinished) -> None:
        result = self.scenarios.get(event.id)
        if result is None:
            return
        result.status, result.reason = event.status, event.reason
        result.seconds, result.finished = event.seconds, True
        result.control = event.control or result.control
        if self._keep is not Keep.ALL and event.status in _QUIET:
            result.evidence = Evidence()

    def _start(self, event: RunStarted) -> None:
        self.started = event
        for planned in event.plan:
            result = ScenarioResult(planned, control=planned.control)
            self.scenarios[planned.id] = result

    def _keep_evidence(self, event: Exchange | ContactSeen) -> None:
        """File evidence under its scenario or its control."""
        if self._keep is Keep.NOTHING:
            return
        if event.scenario in self.scenarios:
            evidence = self.scenarios[event.scenario].evidence
        else:
            evidence = self.control_evidence.setdefault(event.scenario, Evidence())
        evidence.add(event)
