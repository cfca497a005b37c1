"""The findings of a preflight, as they are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cimd_conformance.engine._diagnosis import Diagnosis
from cimd_conformance.model import (
    AnyEvent,
    ConfigError,
    ContactSeen,
    Exchange,
    Finding,
    FindingStatus,
    SuiteError,
)
from cimd_conformance.target import field_places

SHOWN_EVIDENCE = 4

_STEPS = {"remote-target": "start", "no-metadata": "metadata", "not-started": "start"}
"""The step of an error that nobody has diagnosed, by its code."""


@dataclass(slots=True)
class Findings:
    """Emits findings; evidence is held back until a finding points at it."""

    emit: Callable[[AnyEvent], None]
    now: Callable[[], float]
    path: Path | None = None
    """The target file."""
    held: dict[str, list[Exchange | ContactSeen]] = field(default_factory=dict)

    def tell(
        self, step: str, what: str, *, mend: str = "", fields: tuple[str, ...] = ()
    ) -> None:
        """Tell what was looked at; with `mend`, that something is worth knowing."""
        status = FindingStatus.NOTE if mend else FindingStatus.FINE
        places = field_places(self.path, fields) if self.path else []
        self.emit(Finding(self.now(), step, status, what, "", mend, places))

    def wrong(self, found: Diagnosis, label: str = "") -> None:
        """Tell what is wrong, with the last things seen of a flow."""
        evidence = self.held.get(label, [])[-SHOWN_EVIDENCE:]
        for item in evidence:
            self.emit(item)
        self.emit(
            Finding(
                self.now(),
                found.step,
                FindingStatus.WRONG,
                found.cause,
                found.code,
                found.mend,
                found.places(self.path) if self.path else [],
                [item.number for item in evidence],
            )
        )

    def error(self, error: SuiteError) -> None:
        """Tell of an error that nobody has diagnosed."""
        default = "file" if isinstance(error, ConfigError) else "start"
        step = _STEPS.get(error.code, default)
        self.wrong(Diagnosis(step, error.code, error.message, error.hint))

    def hold(self, event: AnyEvent) -> None:
        """Keep evidence for later."""
        if isinstance(event, Exchange | ContactSeen):
            self.held.setdefault(event.scenario, []).append(event)
