"""Reports: a fold over the events, and the writers that show it.

A writer is an object with `event(event)` and `finish()`; each writer lives in a module
of its own (`console`, `json`, `ndjson`), which the command line imports when asked for.
"""

from cimd_conformance.reports._output import check_writable, write_document
from cimd_conformance.reports._report import (
    UNFINISHED,
    Evidence,
    Keep,
    Report,
    ScenarioResult,
)
from cimd_conformance.reports._writer import Writer

__all__ = [
    "UNFINISHED",
    "Evidence",
    "Keep",
    "Report",
    "ScenarioResult",
    "Writer",
    "check_writable",
    "write_document",
]
