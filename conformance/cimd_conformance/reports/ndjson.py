"""NDJSON: every event on a line, and a reader that refuses what is not a whole run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from cimd_conformance.model import (
    SCHEMA_VERSION,
    AnyEvent,
    ConfigError,
    Control,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    TargetOutput,
    decode_event,
    encode_event,
)
from cimd_conformance.reports._output import STDOUT, open_stream, safe_json

_FLUSHED = (RunStarted, Control, ScenarioFinished, RunFinished)


class NdjsonWriter:
    """Writes each event as it comes; `RunStarted` is the header, `RunFinished` the end.

    A file without the footer is a truncated run.
    """

    def __init__(self, destination: str) -> None:
        self._stays_open = destination == STDOUT
        self._stream = open_stream(destination)

    def event(self, event: AnyEvent) -> None:
        """Write the event."""
        self._stream.write(safe_json(encode_event(event)) + b"\n")
        # A run that is killed leaves what had been judged by then.
        read_now = isinstance(event, TargetOutput) and event.to_the_person
        if self._stays_open or read_now or isinstance(event, _FLUSHED):
            self._stream.flush()

    def finish(self) -> None:
        """Close the file."""
        if self._stays_open:
            self._stream.flush()
        else:
            self._stream.close()


class ReportError(ConfigError):
    """A report file that cannot be read; `line` is where."""

    code_name = "report-unreadable"
    sentence = "is not an NDJSON report"
    advice = "Write it again with `--ndjson`."

    def __init__(self, name: str, line: int = 0, why: str = "") -> None:
        where = f"{name}, line {line}," if line else name
        super().__init__(
            self.code_name,
            f"{where} {self.sentence}{': ' if why else ''}{why.rstrip('.')}.",
            self.advice,
        )
        self.line = line


class EmptyReportError(ReportError):
    """There is no event at all."""

    code_name = "report-empty"
    sentence = "holds no event"


class MissingHeaderError(ReportError):
    """The first event is not `run-started`."""

    code_name = "report-without-header"
    sentence = "does not begin with run-started"


class DuplicateHeaderError(ReportError):
    """There is a second `run-started`: two reports in one file."""

    code_name = "report-duplicate-header"
    sentence = "begins a second run"
    advice = "Keep one run in each file; `>>` joins two."


class TruncatedReportError(ReportError):
    """There is no `run-finished`: the run did not end, or the file is cut."""

    code_name = "report-truncated"
    sentence = "has no run-finished, so the run was cut short"
    advice = "Run it again to its end; a truncated run proves nothing."


class TrailingEventError(ReportError):
    """Something follows `run-finished`."""

    code_name = "report-trailing"
    sentence = "goes on after run-finished"


class BadEventError(ReportError):
    """A line is not an event."""

    code_name = "report-bad-line"
    sentence = "is not an event"


class ReportVersionError(ReportError):
    """The report is of another version of the format."""

    code_name = "report-version"
    sentence = f"is not of version {SCHEMA_VERSION} of the format"
    advice = "Read it with the release that wrote it."


def read_ndjson(path: Path) -> list[AnyEvent]:
    """Return the events of a whole run; raises a `ReportError` by name."""
    try:
        with path.open("rb") as lines:
            return list(check_stream(lines, str(path)))
    except OSError as error:
        raise ReportError(str(path), why=error.strerror or str(error)) from error


def check_stream(lines: Iterable[bytes], name: str = "report") -> Iterator[AnyEvent]:
    """Yield the events of the lines, and raise where they are not a whole run."""
    number, ended = 0, False
    for number, line in enumerate(lines, start=1):
        if ended:
            raise TrailingEventError(name, number)
        event = _event(line, name, number)
        if number == 1:
            _check_header(event, name)
        elif isinstance(event, RunStarted):
            raise DuplicateHeaderError(name, number)
        ended = isinstance(event, RunFinished)
        yield event
    if number == 0:
        raise EmptyReportError(name)
    if not ended:
        raise TruncatedReportError(name)


def _event(line: bytes, name: str, number: int) -> AnyEvent:
    try:
        return decode_event(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if not line.endswith(b"\n") and number > 1:
            raise TruncatedReportError(name, number) from error
        raise BadEventError(name, number, str(error)) from error


def _check_header(event: AnyEvent, name: str) -> None:
    if not isinstance(event, RunStarted):
        raise MissingHeaderError(name, 1)
    if event.schema != SCHEMA_VERSION:
        raise ReportVersionError(name, 1, f"it says {event.schema}")
