"""One run from outside: relay the events, settle the verdict, finish the writers."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

import cimd_conformance
from cimd_conformance.model import (
    SCHEMA_VERSION,
    AnyEvent,
    ConfigError,
    ExitCode,
    HarnessError,
    Job,
    KeptOpen,
    RunFinished,
    RunStarted,
    Status,
    SuiteError,
    TargetError,
    Verdict,
    verdict,
)
from cimd_conformance.outer._process import InnerProcess
from cimd_conformance.outer._several import SeveralProcesses
from cimd_conformance.outer._signals import StopSignals
from cimd_conformance.reports import Keep, Report, Writer

_Inner = InnerProcess | SeveralProcesses
MakeWriters = Callable[[], Sequence[Writer]]


@dataclasses.dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended."""

    finished: RunFinished
    error: SuiteError | None = None
    """What ended the run before its end; the writers have finished all the same."""
    inner_output: tuple[str, ...] = ()
    """The last lines that the inner process wrote to stderr."""


def run_job(
    job: Job,
    make_writers: MakeWriters,
    *,
    argv: Callable[[Job, int], list[str]] | None = None,
) -> RunEnd:
    """Run a job and feed each event to the writers.

    The inner process starts before `make_writers` is called: their imports cost as
    much time as its start. Every writer finishes, however the run ends.
    """
    inner = SeveralProcesses(job) if job.parts > 1 else InnerProcess(job, argv)
    with StopSignals(inner) as signals, inner:
        relay = _Relay(job, make_writers())
        error = relay.take(_events(inner))
        finished = relay.finished
        if finished is None:
            error = error or (None if signals.stopped else _died(inner))
            inner.kill()
            finished = _synthetic(relay, error)
        finished = _settled(job, finished, relay.report, signals)
        relay.close(finished)
    relay.complain()
    return RunEnd(finished, error or _told(finished), tuple(inner.stderr_tail()))


class _Relay:
    """Feeds the writers, and sees to it that a stream has a header and a footer."""

    def __init__(self, job: Job, writers: Sequence[Writer]) -> None:
        self._job = job
        self._writers = list(writers)
        self._broken: list[OSError] = []
        self._began = time.monotonic()
        self.report = Report(Keep.NOTHING)
        self.finished: RunFinished | None = None

    def take(self, events: Iterator[AnyEvent]) -> SuiteError | None:
        """Relay all events but the last, which waits for the verdict."""
        try:
            for event in events:
                if isinstance(event, RunFinished):
                    self.finished = event
                    return None
                if self.report.started is None and not isinstance(event, RunStarted):
                    self._feed(self._header())
                self._feed(event)
        except HarnessError as error:
            return error
        return None

    def close(self, finished: RunFinished) -> None:
        """Write the footer and finish every writer."""
        if self.report.started is None:
            self._feed(self._header())
        self._feed(finished)
        for writer in list(self._writers):
            self._guard(writer, writer.finish)

    def complain(self) -> None:
        """Raise for a report that could not be written."""
        if self._broken:
            raise ConfigError(
                "report-not-written",
                f"A report could not be written: {self._broken[0]}.",
                "Give a file that you may write to, on a disk with free space.",
            )

    def seconds(self) -> float:
        """Return how long the run has taken so far."""
        return time.monotonic() - self._began

    def _feed(self, event: AnyEvent) -> None:
        self.report.add(event)
        for writer in list(self._writers):
            self._guard(writer, functools.partial(writer.event, event))

    def _guard(self, writer: Writer, act: Callable[[], None]) -> None:
        """Let one writer act; one that cannot go on does not take the run along."""
        try:
            act()
        except BrokenPipeError:
            self._drop(writer)
        except OSError as error:
            self._broken.append(error)
            self._drop(writer)

    def _drop(self, writer: Writer) -> None:
        self._writers = [other for other in self._writers if other is not writer]

    def _header(self) -> RunStarted:
        """Stand in for the header of a run that ended before it began."""
        import datetime as dt  # noqa: PLC0415 - rarely needed

        job = self._job
        return RunStarted(
            at=0.0,
            schema=SCHEMA_VERSION,
            version=cimd_conformance.__version__,
            run_id="",
            started=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            target=job.target or "reference",
            role=job.role,
            network=job.network,
            profile=job.profile,
            seed=job.seed,
            powers=[],
            plan=[],
            target_file=job.target,
            flaw=job.flaw,
            strict=job.strict,
        )


def _events(inner: _Inner) -> Iterator[AnyEvent]:
    """Yield the inner process's events, with what only this side knows."""
    for event in inner.events():
        if isinstance(event, KeptOpen):
            yield msgspec.structs.replace(event, enter=inner.enter_command())
        else:
            yield event


def _settled(
    job: Job,
    finished: RunFinished,
    report: Report,
    signals: StopSignals,
) -> RunFinished:
    """Return the footer with the verdict that only the outer process can know."""
    ends = report.kept_open  # Ctrl-C is how a run ends that was kept open
    interrupted = finished.interrupted or (signals.stopped and not ends)
    counts = report.counts() if job.kind == "run" else finished.counts
    if job.kind == "run" and _error_of(finished) is None:
        word, code = verdict(
            counts,
            strict=job.strict,
            interrupted=interrupted,
            own_error=finished.exit_code == ExitCode.OWN_ERROR
            or any(each.status is Status.ERROR for each in report.controls),
        )
        finished = msgspec.structs.replace(
            finished, verdict=str(word), exit_code=int(code)
        )
    if signals.ctrl_c and not ends:
        code = ExitCode.CTRL_C
        finished = msgspec.structs.replace(finished, exit_code=int(code))
    return msgspec.structs.replace(finished, counts=counts, interrupted=interrupted)


def _synthetic(relay: _Relay, error: SuiteError | None) -> RunFinished:
    """Stand in for the footer of a truncated run; `error` is None when we ended it."""
    details: dict[str, Any] = {}
    if error is not None:
        details["error"] = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
        }
    return RunFinished(
        at=relay.seconds(),
        verdict=str(Verdict.INTERRUPTED if error is None else Verdict.ERROR),
        exit_code=int(ExitCode.INCONCLUSIVE if error is None else error.exit_code),
        counts={},
        seconds=relay.seconds(),
        interrupted=error is None,
        details=details,
    )


def _died(inner: _Inner) -> HarnessError:
    inner.kill()
    code = inner.wait()
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return HarnessError(
        "inner-died",
        f"The inner process {how} before the run was over.",
        "The results so far are kept. Run again with --debug for its whole output.",
    )


def _error_of(finished: RunFinished) -> dict[str, str] | None:
    error = finished.details.get("error")
    return error if isinstance(error, dict) else None


def _told(finished: RunFinished) -> SuiteError | None:
    """Return the error with which the inner process ended the run, as ours."""
    error = _error_of(finished)
    if error is None:
        return None
    kinds: dict[int, type[SuiteError]] = {
        ExitCode.USAGE: ConfigError,
        ExitCode.INCONCLUSIVE: TargetError,
    }
    kind = kinds.get(finished.exit_code, HarnessError)
    code, message = error.get("code", "unknown"), error.get("message", "")
    return kind(code, message, error.get("hint", ""))
