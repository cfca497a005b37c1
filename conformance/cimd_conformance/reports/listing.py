"""The catalogue for people (a table) and for programs (a document)."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from cimd_conformance.model import PlannedInstance
from cimd_conformance.reports._console_style import (
    SEVERITY_STYLES,
    PlainConsole,
    print_hanging,
)
from cimd_conformance.reports._output import check_writable, write_document
from cimd_conformance.reports._types import LIST_SCHEMA, ListDocument, ListEntry
from cimd_conformance.reports.document import encode_document


def write_list(planned: list[PlannedInstance], version: str, destination: str) -> None:
    """Write the catalogue as one JSON document."""
    entries = [
        ListEntry(**{name: getattr(each, name) for name in each.__struct_fields__})
        for each in planned
    ]
    check_writable(destination)
    document = ListDocument(LIST_SCHEMA, version, entries)
    write_document(destination, encode_document(document))


def show_list(planned: list[PlannedInstance], console: Console | None = None) -> None:
    """Print the catalogue: one scenario on two lines, and the count at the end."""
    console = console or PlainConsole()
    for each in planned:
        console.print(_line(each), soft_wrap=True)
        print_hanging(console, " " * 10, Text(each.title, style="dim"))
    plural = "" if len(planned) == 1 else "s"
    console.print(f"{len(planned)} scenario{plural}")


def _line(planned: PlannedInstance) -> Text:
    line = Text(f"{planned.severity.value:<9} ", SEVERITY_STYLES[planned.severity])
    line.append(planned.id, "bold")
    if planned.needs:
        line.append(f"  needs {', '.join(planned.needs)}", "dim")
    return line
