"""The preflight for people: a line per step as it is done, then what to do."""

from __future__ import annotations

import shlex
import sys
from typing import IO, Final, Literal

import msgspec
from rich.console import Console
from rich.text import Text

import cimd_conformance
from cimd_conformance.model import (
    AnyEvent,
    ContactSeen,
    Exchange,
    Finding,
    FindingStatus,
    RunFinished,
    TargetOutput,
)
from cimd_conformance.reports._console_facts import show_cause
from cimd_conformance.reports._console_style import PlainConsole, print_hanging
from cimd_conformance.reports._output import check_writable, write_document
from cimd_conformance.reports._types import ErrorEntry
from cimd_conformance.reports._wording import evidence_line
from cimd_conformance.reports.document import encode_document
from cimd_conformance.reports.text import shortened, visible

DOCTOR_SCHEMA: Final = "cimd-conformance/doctor/1"

_TICKS = {
    FindingStatus.FINE: ("✓", "green"),
    FindingStatus.NOTE: ("!", "yellow"),
    FindingStatus.WRONG: ("✗", "bold red"),
}
_INDENT = 12
_LONG = 1500


class FindingEntry(msgspec.Struct, frozen=True):
    """One step, and what was found."""

    step: str
    status: FindingStatus
    what: str
    code: str
    mend: str
    places: list[str]
    evidence: list[Exchange | ContactSeen]


class DoctorDocument(msgspec.Struct, frozen=True, rename={"schema_": "schema"}):
    """The findings of one preflight."""

    schema_: Literal["cimd-conformance/doctor/1"]
    version: str
    target: str
    """The target file; '' for the machine alone."""
    verdict: str
    """fine, broken, interrupted, or error."""
    exit_code: int
    findings: list[FindingEntry]
    counts: dict[str, int]
    """What `run` would do: how many scenarios it runs, and how many not."""
    error: ErrorEntry | None = None


class DoctorWriter:
    """Shows findings as they come, and keeps them for a document."""

    def __init__(
        self, console: Console, target: str, *, json_path: str | None, ticks: bool
    ) -> None:
        if json_path is not None:
            check_writable(json_path)
        self._console, self._ticks = console, ticks
        self._target, self._json = target, json_path
        self._evidence: list[Exchange | ContactSeen] = []
        self._finished: RunFinished | None = None
        self.findings: list[FindingEntry] = []
        head = Text(f"cimd-conformance {cimd_conformance.__version__}", "bold")
        head.append(f"  doctor {visible(target) or 'of this machine'}", "not bold")
        console.print(head, soft_wrap=True)

    @classmethod
    def for_terminal(cls, target: str, *, json_path: str | None) -> DoctorWriter:
        """Write to stdout, or to stderr when the document goes to stdout."""
        stream = sys.stderr if json_path == "-" else sys.stdout
        ticks = stream.isatty() and _can_write(stream, "✓✗")
        console = PlainConsole(stream)
        return cls(console, target, json_path=json_path, ticks=ticks)

    def event(self, event: AnyEvent) -> None:
        """Show a finding."""
        match event:
            case Exchange() | ContactSeen():
                self._evidence.append(event)
            case Finding():
                self._find(event)
            case TargetOutput() if event.to_the_person:
                self._console.print(Text(visible(event.line), "bold"), soft_wrap=True)
            case RunFinished():
                self._finished = event
            case _:
                pass

    def say(self, line: str) -> None:
        """Show what is being done, where that takes long."""
        self._console.print(Text(visible(line), "dim"), soft_wrap=True)

    def finish(self) -> None:
        """Say what to do next, and write the document."""
        self._conclude()
        self._console.file.flush()
        if self._json is not None:
            write_document(self._json, encode_document(self.document()))

    def document(self) -> DoctorDocument:
        """Return everything that was found."""
        finished = self._finished
        wrong = any(one.status is FindingStatus.WRONG for one in self.findings)
        return DoctorDocument(
            DOCTOR_SCHEMA,
            cimd_conformance.__version__,
            self._target,
            finished.verdict if finished else ("broken" if wrong else "fine"),
            finished.exit_code if finished else 0,
            self.findings,
            finished.counts if finished else {},
            ErrorEntry.of(finished) if finished else None,
        )

    def _find(self, found: Finding) -> None:
        evidence = [one for one in self._evidence if one.number in found.evidence]
        self._evidence.clear()
        self.findings.append(
            FindingEntry(
                found.step,
                found.status,
                found.what,
                found.code,
                found.mend,
                found.places,
                evidence,
            )
        )
        tick, style = _TICKS[found.status]
        word = tick if self._ticks else f"{found.status.value:<5}"
        head = Text(f"{word} ", style).append(f"{found.step:<9} ", "bold not dim")
        if found.status is not FindingStatus.FINE:
            self._show_wrong(head, found, evidence)
            return
        self._lines(head, found.what, "default not bold")

    def _lines(self, head: Text, text: str, style: str) -> None:
        for line in text.splitlines() or [""]:
            shown = Text(shortened(visible(line), _LONG), style)
            print_hanging(self._console, head, shown)
            head = Text(" " * head.cell_len)

    def _show_wrong(
        self, head: Text, found: Finding, evidence: list[Exchange | ContactSeen]
    ) -> None:
        if found.code:
            head.append(f"{found.code}\n", "bold red")
            self._console.print(head, end="")
            self._lines(Text(" " * _INDENT), found.what, "")
        else:
            self._lines(head, found.what, "default not bold")
        show_cause(self._console, "", found.mend, found.places, indent=_INDENT)
        for item in evidence:
            line = Text(shortened(evidence_line(item), 130), "dim")
            print_hanging(self._console, "", line, _INDENT)

    def _conclude(self) -> None:
        finished = self._finished
        self._console.print()
        wrong = [o for o in self.findings if o.status is FindingStatus.WRONG]
        if wrong:
            text = f"Stopped at {wrong[0].step}: nothing behind it was looked at."
            self._console.print(Text(text, "bold red"))
        elif finished is not None and finished.verdict == "fine":
            self._console.print(Text("All is fine.", "bold green"))
            if self._target:
                self._next(finished.counts)
        elif finished is not None and finished.verdict == "interrupted":
            self._console.print(Text("Interrupted.", "bold magenta"))

    def _next(self, counts: dict[str, int]) -> None:
        """Say what `run` would do now."""
        rest = (f"{n} {word}" for word, n in counts.items() if word != "run" and n)
        left_out = "".join(f", {one}" for one in rest)
        command = f"cimd-conformance run {shlex.quote(visible(self._target))}"
        self._console.print(Text(f"{command}"), soft_wrap=True)
        text = f"runs {counts.get('run', 0)} scenarios{left_out}."
        print_hanging(self._console, "  ", Text(text, "dim"))


def _can_write(stream: IO[str], text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
