"""Running scenarios to look at them, rather than to report them."""

from __future__ import annotations

from cimd_conformance.model import AnyEvent, Job
from cimd_conformance.outer import run_job
from cimd_conformance.reports import Keep, Report


class Observer:
    """A writer that keeps everything and writes nothing."""

    def __init__(self) -> None:
        self.report = Report(Keep.ALL)

    def event(self, event: AnyEvent) -> None:
        """Take an event in."""
        self.report.add(event)

    def finish(self) -> None:
        """Write nothing."""


def observe(job: Job) -> Report:
    """Run a job as `demo` and `run` do; raise what ended it before its end."""
    observer = Observer()
    end = run_job(job, lambda: [observer])
    if end.error is not None:
        raise end.error
    return observer.report
