"""A live bar with counts and with what is running, where a person is watching."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from cimd_conformance.model import Status
from cimd_conformance.reports._console_style import STATUS_STYLES
from cimd_conformance.reports.text import visible

_BAR = 16
_A_SECOND = 8
"""How often the bar is drawn."""
_WORST_FIRST = (
    *(Status.FAILED, Status.ERROR, Status.INCONCLUSIVE, Status.WARNED),
    *(Status.PASSED, Status.NOT_RUN, Status.NOT_APPLICABLE),
)
"""In a narrow terminal the end of the counts is cut."""


class _Bar(RichProgress):
    """The bar, the counts, and below them what is running: never more than a line."""

    def __init__(self, console: Console) -> None:
        self.ended: dict[str, Status] = {}
        self.running: dict[str, None] = {}
        super().__init__(
            BarColumn(bar_width=_BAR, table_column=Column(width=_BAR)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            refresh_per_second=_A_SECOND,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the lines that are drawn over and over."""
        yield self.make_tasks_table(self.tasks)
        yield self._counts()
        yield self._current()

    def _counts(self) -> Text:
        line = Text(no_wrap=True, overflow="ellipsis")
        seen = collections.Counter(self.ended.values())
        for status in _WORST_FIRST:
            if seen[status]:
                line.append(", " if line else "")
                word = f"{seen[status]} {status.value}"
                line.append(word, STATUS_STYLES[status])
        return line

    def _current(self) -> Text:
        """Return what has been running for longest, and how many more there are."""
        line = Text(no_wrap=True, overflow="ellipsis", style="dim")
        running = list(self.running)
        if running:
            more = f"+{len(running) - 1} " if len(running) > 1 else ""
            line.append(f"running {more}{visible(running[0])}")
        return line


class Progress:
    """The bar; without a console it is nothing at all."""

    def __init__(self, console: Console | None) -> None:
        self._bar = None if console is None else _Bar(console)

    def start(self, total: int) -> None:
        """Show the bar."""
        if self._bar is not None and total:
            self._bar.add_task("scenarios", total=total)
            self._bar.start()

    def begin(self, scenario: str) -> None:
        """Name a scenario that runs now."""
        if self._bar is not None:
            self._bar.running[scenario] = None

    def step(self, scenario: str, status: Status) -> None:
        """Count a scenario that is over, once; a status can still get worse."""
        if self._bar is None:
            return
        self._bar.running.pop(scenario, None)
        self._bar.ended[scenario] = status
        for task in self._bar.task_ids:
            self._bar.update(task, completed=len(self._bar.ended))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
