"""The console: progress while it runs, then what is wrong and how to mend it."""

from __future__ import annotations

import enum
import sys
from typing import IO

from rich.console import Console
from rich.text import Text

from cimd_conformance.model import (
    AnyEvent,
    Control,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    Status,
    TargetExited,
    TargetOutput,
)
from cimd_conformance.reports._console_progress import Progress
from cimd_conformance.reports._console_style import (
    STATUS_STYLES,
    WIDTH,
    PlainConsole,
)
from cimd_conformance.reports._console_summary import show_summary
from cimd_conformance.reports._report import Keep, Report
from cimd_conformance.reports.text import shortened, visible


class Volume(enum.Enum):
    """How much the console says."""

    QUIET = "quiet"
    """Failures in one line each, and the verdict."""
    NORMAL = "normal"
    VERBOSE = "verbose"
    """Also every scenario as it ends, and what the target prints."""


_AT_ONCE = {
    Volume.QUIET: (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE),
    Volume.NORMAL: (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE, Status.WARNED),
    Volume.VERBOSE: tuple(Status),
}


class ConsoleWriter:
    """Writes for people."""

    def __init__(
        self,
        console: Console,
        *,
        volume: Volume = Volume.NORMAL,
        replay: str = "",
        bar: Console | None = None,
    ) -> None:
        self._console = console
        self._volume = volume
        self._replay = replay
        self._report = Report(Keep.NOT_PASSED)
        self._progress = Progress(bar)

    @classmethod
    def for_terminal(
        cls, *, stderr: bool, volume: Volume = Volume.NORMAL, replay: str = ""
    ) -> ConsoleWriter:
        """Write to stdout or stderr, with a live bar where a person is watching."""
        stream = sys.stderr if stderr else sys.stdout
        console = PlainConsole(stream)
        bar: Console | None = None
        if volume is not Volume.QUIET:
            if _is_terminal(stream):
                bar = console
            elif _is_terminal(sys.stderr):
                bar = PlainConsole(sys.stderr)
        return cls(console, volume=volume, replay=replay, bar=bar)

    def event(self, event: AnyEvent) -> None:
        """Show what is worth showing at once."""
        self._report.add(event)
        match event:
            case RunStarted():
                self._begin(event)
            case ScenarioStarted():
                self._progress.begin(event.id)
            case ScenarioFinished():
                self._progress.step(event.id, event.status)
                if event.status in _AT_ONCE[self._volume]:
                    self._line(event.status, event.id, event.reason)
            case Control() if event.status is not Status.PASSED:
                self._line(event.status, event.id, event.reason)
            case TargetExited():
                text = f"The target ended with exit code {event.code}."
                self._console.print(Text(text, "bold red"))
            case TargetOutput() if event.to_the_person:
                self._console.print(Text(visible(event.line), "bold"), soft_wrap=True)
            case TargetOutput() if self._volume is Volume.VERBOSE:
                text = f"target: {shortened(visible(event.line), WIDTH * 4)}"
                self._console.print(Text(text, "dim"))
            case RunFinished():
                self._progress.close()
            case _:
                pass

    def finish(self) -> None:
        """Show the summary."""
        self._progress.close()
        show_summary(
            self._console,
            self._report,
            replay=self._replay,
            brief=self._volume is Volume.QUIET,
            every=self._volume is Volume.VERBOSE,
        )
        self._console.file.flush()

    def _begin(self, started: RunStarted) -> None:
        total = len(started.plan)
        self._progress.start(total)
        if self._volume is Volume.QUIET:
            return
        head = Text(f"cimd-conformance {started.version}", "bold")
        roles = "all roles" if "," in started.role else started.role
        head.append(f"  {roles}: {visible(started.target)}", "not bold")
        self._console.print(head)
        self._console.print(
            Text(
                f"network {started.network}, profile {visible(started.profile)}, "
                f"seed {started.seed}, {total} scenario{'' if total == 1 else 's'}",
                "dim",
            )
        )

    def _line(self, status: Status, name: str, reason: str) -> None:
        line = Text(f"{status.value:<14} ", STATUS_STYLES[status])
        line.append(visible(name), "default not bold")
        if reason and status is not Status.FAILED:
            line.append(f"  {shortened(visible(reason))}", "dim not bold")
        self._console.print(line, soft_wrap=True)


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False
