"""Facts of a result on the console: a label, and a text beside it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from cimd_conformance.model import Check
from cimd_conformance.reports._console_style import STATUS_STYLES, print_hanging
from cimd_conformance.reports._report import Evidence
from cimd_conformance.reports._wording import clause_line, evidence_line, expected_line
from cimd_conformance.reports.text import shortened, visible

SHOWN_EVIDENCE = 12


def fact(console: Console, word: str, text: str | Text) -> None:
    """Print a fact beside its label."""
    print_hanging(console, label(word), text)


def label(word: str) -> Text:
    """Return the label of a fact."""
    return Text(f"   {word:<8}  ", "dim")


def show_check(console: Console, check: Check) -> None:
    """Print the clause of a check, what had to be seen, and what was."""
    fact(console, "clause", clause_line(check))
    fact(console, "expected", Text(shortened(expected_line(check), 600), "green"))
    got = Text(shortened(visible(check.actual), 600), STATUS_STYLES[check.status])
    if check.reason:
        got = Text.assemble(got, f"  {shortened(visible(check.reason))}")
    fact(console, "got", got)


def show_evidence(console: Console, evidence: Evidence, checks: list[Check]) -> None:
    """Show what the checks point at, or everything when they point at nothing."""
    numbers = [number for check in checks for number in check.evidence]
    items = evidence.of(numbers) or evidence.items()
    for place, item in enumerate(items[:SHOWN_EVIDENCE]):
        fact(console, "" if place else "evidence", evidence_line(item))
    if len(items) > SHOWN_EVIDENCE:
        more = f"… and {len(items) - SHOWN_EVIDENCE} more, in the JSON report"
        fact(console, "", Text(more, "dim"))


def show_cause(
    console: Console, cause: str, mend: str, places: list[str], indent: int = 0
) -> None:
    """Print why something does not work, how to mend it, and where in which file."""
    words = (
        ("cause", cause, ""),
        ("mend", mend, "green"),
        ("at", "\n".join(places), ""),
    )
    for word, text, style in words:
        head: Text | str = Text(f"{word:<6}", "dim")
        for line in text.splitlines():
            shown = Text(shortened(visible(line), 1000), style)
            print_hanging(console, head, shown, indent)
            head = " " * 6
