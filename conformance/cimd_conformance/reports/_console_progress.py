"""A live bar with counts, where a person is watching."""

from __future__ import annotations

import collections

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from cimd_conformance.model import Status
from cimd_conformance.reports._console_style import STATUS_STYLES


class _Counts(TextColumn):
    """The statuses so far."""

    def __init__(self) -> None:
        super().__init__("")
        self.seen: collections.Counter[Status] = collections.Counter()

    def render(self, task: object) -> Text:
        del task
        shown = Text()
        for status in Status:
            if self.seen[status]:
                word = f" {self.seen[status]} {status.value}"
                shown.append(word, STATUS_STYLES[status])
        return shown


class Progress:
    """The bar; without a console it is nothing at all."""

    def __init__(self, console: Console | None) -> None:
        self._counts = _Counts()
        self._bar: Bar | None = None
        if console is not None:
            self._bar = Bar(
                BarColumn(bar_width=16),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                self._counts,
                console=console,
                transient=True,
                refresh_per_second=8,
            )

    def start(self, total: int) -> None:
        """Show the bar."""
        if self._bar is not None and total:
            self._bar.add_task("scenarios", total=total)
            self._bar.start()

    def step(self, status: Status) -> None:
        """Count one more scenario."""
        self._counts.seen[status] += 1
        if self._bar is not None and self._bar.task_ids:
            self._bar.advance(self._bar.task_ids[0])

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
