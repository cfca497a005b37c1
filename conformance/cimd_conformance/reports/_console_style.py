"""What the console reports have in common: the console itself, colours, layout."""

from __future__ import annotations

from typing import IO, Never

from rich.console import Console
from rich.text import Text

from cimd_conformance.model import Severity, Status

WIDTH = 80
WIDEST = 120


class PlainConsole(Console):
    """A console that interprets nothing in what it is given."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        super().__init__(file=stream, highlight=False, markup=False, emoji=False)
        self.drawing_width = min(self.width, WIDEST)
        """How wide a diagram may be: it gains by room, where prose does not."""
        self.width = min(self.width, WIDTH)

    def on_broken_pipe(self) -> Never:
        """Leave it to the caller, where the inherited method would exit."""
        raise BrokenPipeError


STATUS_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.WARNED: "yellow",
    Status.INCONCLUSIVE: "magenta",
    Status.NOT_APPLICABLE: "dim",
    Status.NOT_RUN: "dim",
    Status.ERROR: "bold white on red",
}

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "dim",
}


def print_hanging(
    console: Console, label: str | Text, text: str | Text, indent: int = 0
) -> None:
    """Print a label and a text beside it that wraps under itself.

    No line ends in spaces, as it would in a table.
    """
    head = Text(" " * indent).append_text(
        Text(label) if isinstance(label, str) else label
    )
    body = Text(text) if isinstance(text, str) else text
    room = max(console.width - head.cell_len, 20)
    for line in body.wrap(console, room, overflow="fold"):
        line.rstrip()
        console.print(Text.assemble(head, line), soft_wrap=True)
        head = Text(" " * head.cell_len)
