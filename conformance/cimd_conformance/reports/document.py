"""JSON: the results of a run as one document."""

from __future__ import annotations

import msgspec

from cimd_conformance.model import AnyEvent, Check, Control, Verdict
from cimd_conformance.reports._output import (
    check_writable,
    safe_json,
    write_document,
)
from cimd_conformance.reports._report import Evidence, Keep, Report, ScenarioResult
from cimd_conformance.reports._types import (
    RESULT_SCHEMA,
    CheckEntry,
    ControlEntry,
    ErrorEntry,
    EvidenceEntry,
    ResultDocument,
    ScenarioEntry,
)


class JsonWriter:
    """Writes one document when the run is over."""

    def __init__(self, destination: str, *, everything: bool = False) -> None:
        check_writable(destination)
        self._destination = destination
        self._report = Report(Keep.ALL if everything else Keep.NOT_PASSED)

    def event(self, event: AnyEvent) -> None:
        """Take an event in."""
        self._report.add(event)

    def finish(self) -> None:
        """Write the document."""
        write_document(self._destination, encode_document(result_of(self._report)))


def encode_document(document: msgspec.Struct) -> bytes:
    """Return a document as indented JSON that is safe to show in a terminal."""
    plain = msgspec.json.format(msgspec.json.encode(document), indent=2)
    return safe_json(plain) + b"\n"


def result_of(report: Report) -> ResultDocument:
    """Return the results of a run that has its header and its footer."""
    started, finished = report.started, report.finished
    if started is None or finished is None:
        raise ValueError("The run has no header or no footer.")
    return ResultDocument(
        schema_=RESULT_SCHEMA,
        version=started.version,
        run_id=started.run_id,
        started=started.started,
        seconds=finished.seconds,
        verdict=Verdict(finished.verdict),
        exit_code=finished.exit_code,
        interrupted=finished.interrupted,
        error=ErrorEntry.of(finished),
        target=started.target,
        target_file=started.target_file,
        flaw=started.flaw,
        role=started.role,
        network=started.network,
        profile=started.profile,
        powers=sorted({*started.powers, *finished.powers}),
        seed=started.seed,
        strict=started.strict,
        counts=finished.counts,
        controls=[_control(report, control) for control in report.controls],
        scenarios=[_scenario(result) for result in report.scenarios.values()],
    )


def _control(report: Report, control: Control) -> ControlEntry:
    return ControlEntry.of(control, _evidence(report.evidence_of(control)))


def _scenario(result: ScenarioResult) -> ScenarioEntry:
    planned = result.planned
    return ScenarioEntry(
        id=planned.id,
        title=planned.title,
        role=planned.role,
        severity=planned.severity,
        status=result.status,
        reason=result.reason,
        seconds=round(result.seconds, 3),
        requirements=planned.requirements,
        attacks=planned.attacks,
        change=planned.change,
        checks=[_check(check) for check in result.checks],
        control=result.control,
        evidence=_evidence(result.evidence),
    )


def _check(check: Check) -> CheckEntry:
    return CheckEntry(
        requirement=check.requirement,
        level=check.level,
        status=check.status,
        expected=check.expected,
        actual=check.actual,
        reason=check.reason,
        clause=check.clause,
        fix=check.fix,
        evidence=check.evidence,
    )


def _evidence(evidence: Evidence) -> EvidenceEntry | None:
    if not evidence:
        return None
    return EvidenceEntry(evidence.exchanges, evidence.contacts)
