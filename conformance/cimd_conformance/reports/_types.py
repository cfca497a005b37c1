"""The documents that the suite writes, as types: the JSON Schemas come from them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from cimd_conformance.model import (
    ContactSeen,
    Control,
    Exchange,
    Level,
    PlannedInstance,
    RunFinished,
    Severity,
    Status,
    Verdict,
)

RESULT_SCHEMA: Final = "cimd-conformance/result/1"
LIST_SCHEMA: Final = "cimd-conformance/list/1"


class EvidenceEntry(msgspec.Struct, frozen=True):
    """What our own side saw; checks point at the numbers."""

    exchanges: list[Exchange] = []
    contacts: list[ContactSeen] = []


class CheckEntry(msgspec.Struct, frozen=True):
    """One question answered."""

    requirement: str
    level: Level | None
    status: Status
    expected: list[str]
    actual: str
    reason: str
    clause: str
    fix: str
    evidence: list[int]


class ScenarioEntry(msgspec.Struct, frozen=True):
    """One scenario instance and its result."""

    id: str
    title: str
    role: str
    severity: Severity
    status: Status
    reason: str
    seconds: float
    requirements: list[str]
    attacks: list[str]
    change: list[str]
    checks: list[CheckEntry]
    control: str | None
    evidence: EvidenceEntry | None
    """None where it is not kept: of what passed, unless the run is verbose."""


class ControlEntry(msgspec.Struct, frozen=True):
    """One legitimate flow that scenarios rest on."""

    id: str
    status: Status
    reason: str
    closing_for: str | None
    code: str
    """Why it failed, in a stable word; '' where it did not, or nobody knows."""
    cause: str
    mend: str
    places: list[str]
    """The fields of the target file that it is about."""
    evidence: EvidenceEntry | None

    @classmethod
    def of(cls, control: Control, evidence: EvidenceEntry | None) -> ControlEntry:
        """Describe a control."""
        return cls(
            control.id,
            control.status,
            control.reason,
            control.closing_for,
            control.code,
            control.cause,
            control.mend,
            control.places,
            evidence,
        )


class ErrorEntry(msgspec.Struct, frozen=True):
    """What ended the run before its end."""

    code: str
    message: str
    hint: str

    @classmethod
    def of(cls, finished: RunFinished) -> ErrorEntry | None:
        """Return the error that a footer tells of."""
        error = finished.details.get("error")
        return msgspec.convert(error, cls) if isinstance(error, dict) else None


class ResultDocument(
    msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}
):
    """The results of one run."""

    schema_: Literal["cimd-conformance/result/1"]
    version: str
    """The version of the suite."""
    run_id: str
    started: str
    seconds: float
    verdict: Verdict
    exit_code: int
    interrupted: bool
    error: ErrorEntry | None
    target: str
    target_file: str | None = None
    """The target file as it was named; None is the embedded reference."""
    flaw: str | None = None
    """The flaw that the reference had."""
    role: str
    network: str
    profile: str
    powers: list[str]
    seed: int
    strict: bool = False
    """Whether a warning counted as a failure."""
    counts: dict[str, int]
    controls: list[ControlEntry]
    scenarios: list[ScenarioEntry]


class ListEntry(PlannedInstance, frozen=True, omit_defaults=False):
    """One scenario instance of the catalogue."""


class ListDocument(msgspec.Struct, frozen=True, rename={"schema_": "schema"}):
    """The scenarios of the catalogue."""

    schema_: Literal["cimd-conformance/list/1"]
    version: str
    scenarios: list[ListEntry]
