"""The end of the console report: failures in full, the rest grouped, the verdict."""

from __future__ import annotations

import collections
import shlex
from collections.abc import Iterator

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from cimd_conformance.model import (
    Control,
    RunFinished,
    Status,
    Verdict,
)
from cimd_conformance.reports._causes import Cause, bad_checks, causes
from cimd_conformance.reports._console_facts import (
    SHOWN_EVIDENCE,
    fact,
    label,
    show_cause,
    show_check,
    show_evidence,
)
from cimd_conformance.reports._console_style import (
    SEVERITY_STYLES,
    STATUS_STYLES,
    print_hanging,
)
from cimd_conformance.reports._report import Report, ScenarioResult
from cimd_conformance.reports._wording import evidence_line, reason_of, replay_line
from cimd_conformance.reports.text import shortened, visible

PROGRAM = "cimd-conformance"
_WITH_CAUSE = 4
"""So many of the last things seen are shown where the cause is known."""
_SHOWN_IDS = 3
_SHOWN_OTHERS = 20
_ROOM_FOR_CHANGE = 20
_BAD = (Status.ERROR, Status.FAILED, Status.WARNED)
_GROUPED = (Status.INCONCLUSIVE, Status.NOT_RUN, Status.NOT_APPLICABLE)

_VERDICT_STYLES: dict[str, str] = {
    Verdict.CONFORMANT: "bold green",
    Verdict.FAILED: "bold red",
    Verdict.ERROR: "bold white on red",
}


def show_summary(
    console: Console,
    report: Report,
    *,
    replay: str = "",
    brief: bool = False,
    every: bool = False,
) -> None:
    """Print what a person needs to know after a run.

    `brief` leaves all but the verdict out; `every` names every scenario of a cause.
    """
    if not brief:
        for status in _BAD:
            _show_causes(console, report, status, replay, every=every)
        for status in _GROUPED:
            _show_groups(console, report, status)
        _show_exits(console, report)
    finished = report.finished
    if finished is not None:
        _show_verdict(console, report, finished, brief=brief)


def _show_causes(
    console: Console, report: Report, status: Status, replay: str, *, every: bool
) -> None:
    """Show one worked example of each cause, and the others in a line each."""
    results = report.by_status(status)
    if not results:
        return
    found = causes(results)
    several = f", {len(found)} causes" if 1 < len(found) < len(results) else ""
    one = ", one cause" if len(found) == 1 < len(results) else ""
    _show_title(console, status, len(results), several or one)
    for number, cause in enumerate(found, start=1):
        console.print()
        title = Text(visible(cause.example.planned.title), "bold")
        print_hanging(console, Text(f"{number}. ", "bold"), title)
        _show_result(console, cause.example, replay)
        _show_others(console, cause, every=every)


def _show_title(console: Console, status: Status, count: int, more: str = "") -> None:
    console.print()
    title = Text(f"{status.value} ({count}{more})", STATUS_STYLES[status])
    console.print(Rule(title, align="left", characters="-", style="dim"))


def _show_result(console: Console, result: ScenarioResult, replay: str) -> None:
    planned = result.planned
    severity = Text(f"  {planned.severity.value}", SEVERITY_STYLES[planned.severity])
    fact(console, "id", Text(visible(planned.id)) + severity)
    if result.reason:
        fact(console, "reason", shortened(visible(result.reason), 600))
    checks = bad_checks(result)
    for check in checks:
        show_check(console, check)
    for change in planned.change:
        fact(console, "change", shortened(visible(change)))
    show_evidence(console, result.evidence, checks)
    if replay:
        line = Text.assemble(label("replay"), replay_line(replay, planned.id))
        console.print(line, soft_wrap=True)
    for fix in dict.fromkeys(check.fix for check in checks if check.fix):
        fact(console, "fix", visible(fix))


def _show_others(console: Console, cause: Cause, *, every: bool) -> None:
    """Show what else the cause breaks: the ids, and what is different in each."""
    if not cause.others:
        return
    fact(console, "also", f"{len(cause.others)} more, the same clause and answer:")
    shown = cause.others if every else cause.others[:_SHOWN_OTHERS]
    for result in shown:
        planned = result.planned
        line = Text.assemble(
            label(""),
            visible(planned.id),
            (f"  {planned.severity.value}", SEVERITY_STYLES[planned.severity]),
        )
        room = console.width - line.cell_len - 2
        if planned.change and room >= _ROOM_FOR_CHANGE:
            line.append(f"  {shortened(visible(planned.change[0]), room)}", "dim")
        console.print(line, soft_wrap=True)
    if len(shown) < len(cause.others):
        more = f"… and {len(cause.others) - len(shown)} more; --verbose names them all"
        fact(console, "", Text(more, "dim"))


def _show_groups(console: Console, report: Report, status: Status) -> None:
    results = report.by_status(status)
    if not results:
        return
    groups: dict[str, list[ScenarioResult]] = collections.defaultdict(list)
    for result in results:
        groups[reason_of(report, result)].append(result)
    _show_title(console, status, len(results))
    by_size = sorted(groups.items(), key=lambda group: -len(group[1]))
    for reason, members in by_size:
        print_hanging(console, f"{len(members):>5} × ", shortened(visible(reason)))
        if status is Status.INCONCLUSIVE:
            for line in _details(report, members):
                print_hanging(console, "        ", line)
            _show_mends(console, _failed_controls(report, members))
    file = report.started.target_file if report.started is not None else None
    mends = status is Status.INCONCLUSIVE and any(one.mend for one in report.controls)
    if file is not None and mends:
        command = f"{PROGRAM} doctor {shlex.quote(visible(file))}"
        text = f"`{command}` goes through it step by step."
        console.print(Text(text, "bold"), soft_wrap=True)


def _details(report: Report, members: list[ScenarioResult]) -> Iterator[Text]:
    """Yield the first few ids, and what was seen in the control that failed."""
    for result in members[:_SHOWN_IDS]:
        yield Text(visible(result.planned.id), "dim")
    if len(members) > _SHOWN_IDS:
        yield Text(f"… and {len(members) - _SHOWN_IDS} more", "dim")
    for control in _failed_controls(report, members):
        yield Text(f"{control.id}:")
        shown = _WITH_CAUSE if control.cause else SHOWN_EVIDENCE
        for item in report.evidence_of(control).items()[-shown:]:
            yield Text(evidence_line(item))


def _failed_controls(report: Report, members: list[ScenarioResult]) -> list[Control]:
    """Return the controls that failed and that these results rest on."""
    ids = sorted({result.control for result in members if result.control})
    controls = [report.control(control_id) for control_id in ids]
    return [c for c in controls if c is not None and c.status is not Status.PASSED]


def _show_mends(console: Console, controls: list[Control]) -> None:
    """Say why controls failed and how to mend it, each cause once."""
    causes = {control.cause: control for control in controls if control.cause}
    for cause, control in causes.items():
        show_cause(console, cause, control.mend, control.places, indent=8)


def _show_exits(console: Console, report: Report) -> None:
    for event in report.exits:
        console.print()
        text = f"The target ended with exit code {event.code}. Its last output:"
        console.print(Text(text, "bold red"))
        for line in event.last_output:
            console.print(Text(f"  {shortened(visible(line))}"))


def _show_verdict(
    console: Console, report: Report, finished: RunFinished, *, brief: bool
) -> None:
    if not brief:
        console.print()
        console.print(Rule(characters="-", style="dim"))
    counts = Text()
    for status in Status:
        if finished.counts.get(status):
            counts.append(", " if counts else "")
            word = f"{finished.counts[status]} {status.value}"
            counts.append(word, STATUS_STYLES[status])
    word = finished.verdict
    head = Text(word, _VERDICT_STYLES.get(word, "bold magenta"))
    if finished.interrupted and word != Verdict.INTERRUPTED:
        head.append(" (interrupted)", "bold magenta")
    tail = Text(f"  {finished.seconds:.1f} s, exit {finished.exit_code}", "dim")
    body = Text.assemble(counts or Text("no scenario ran"), tail)
    print_hanging(console, Text.assemble(head, ": "), body)
    if not report.scenarios and not finished.details.get("error"):
        console.print(Text("Nothing is selected; `list` shows what there is.", "dim"))
