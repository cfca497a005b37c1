"""One scenario in full on the screen: every message, its checks, its diagram."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from cimd_conformance.model import (
    AnyEvent,
    ContactSeen,
    Control,
    Exchange,
    HttpMessage,
    KeptOpen,
    ScenarioFinished,
    Status,
    TargetExited,
    TargetOutput,
)
from cimd_conformance.reports._console_facts import fact, show_check
from cimd_conformance.reports._console_style import STATUS_STYLES, PlainConsole
from cimd_conformance.reports._report import Keep, Report, ScenarioResult
from cimd_conformance.reports._sequence import sequence_of
from cimd_conformance.reports._wording import evidence_line, reason_of
from cimd_conformance.reports.diagram import CHANGED_STYLE, Told, can_draw, draw
from cimd_conformance.reports.text import visible

_BAD = (Status.FAILED, Status.WARNED)


class TranscriptWriter:
    """Writes the messages of one scenario as they come, and what they amount to."""

    def __init__(self, scenario: str, console: Console | None = None) -> None:
        self._console = console or PlainConsole()
        self._scenario = scenario
        self.report = Report(Keep.ALL)

    def event(self, event: AnyEvent) -> None:
        """Show what belongs to the scenario; of its controls, how they ended."""
        self.report.add(event)
        match event:
            case Exchange() | ContactSeen() if event.scenario == self._scenario:
                self._show(event)
            case Control():
                self._control(event)
            case TargetOutput() if event.to_the_person:
                self._console.print(Text(visible(event.line), "bold"), soft_wrap=True)
            case TargetExited():
                text = f"The target ended with exit code {event.code}."
                self._console.print(Text(text, "bold red"))
                for line in event.last_output:
                    self._console.print(Text(f"  {visible(line)}"), soft_wrap=True)
            case KeptOpen():
                self._open(event)
            case ScenarioFinished() if event.id == self._scenario:
                self._end(self.report.scenarios[event.id])
            case _:
                pass

    def finish(self) -> None:
        """Write everything out."""
        self._console.file.flush()

    def _show(self, item: Exchange | ContactSeen) -> None:
        if isinstance(item, ContactSeen):
            line = Text(evidence_line(item), "dim")
            self._console.print(line, soft_wrap=True)
            return
        for text in message_lines(item):
            self._console.print(text, soft_wrap=True)

    def _control(self, event: Control) -> None:
        again = "" if event.closing_for is None else ", once more afterwards"
        line = Text.assemble((event.status.value, STATUS_STYLES[event.status]))
        line.append(f"  {visible(event.id)}{again}", "default not bold")
        if event.reason:
            line.append(f": {visible(event.reason)}", "default not bold")
        self._console.print(line, soft_wrap=True)

    def _open(self, event: KeptOpen) -> None:
        """Say where everything is that is still up, and how one gets there."""
        console = self._console
        title = "open until Ctrl-C"
        console.print(Rule(title, align="left", characters="-", style="dim"))
        for name, url in event.places.items():
            line = Text.assemble((f"   {name:<24}  ", "dim"), visible(url))
            console.print(line, soft_wrap=True)
        ways = [("enter", event.enter and f"{event.enter} -- bash")]
        if event.proxy:
            first = next(iter(event.places.values()), "https://…")
            url = event.places.get("client_id", first)
            how = f"curl --proxy http://{event.proxy} --cacert {event.ca_file} {url}"
            ways.append(("try", how))
        elif event.ca_file and not event.enter:
            ways.append(("CA", event.ca_file))
        for name, how in ways:
            if how:
                line = Text.assemble((f"   {name:<24}  ", "dim"), visible(how))
                console.print(line, soft_wrap=True)
        console.file.flush()

    def _end(self, result: ScenarioResult) -> None:
        self._console.print()
        self._console.print(Rule("checks", align="left", characters="-", style="dim"))
        show_outcome(self._console, self.report, result)
        self._console.print(Rule("diagram", align="left", characters="-", style="dim"))
        show_diagram(self._console, result)


def show_run(
    report: Report, scenario: str, title: str, console: Console | None = None
) -> None:
    """Show the diagram of a scenario that has been run, and how it ended."""
    console = console or PlainConsole()
    result = report.scenarios[scenario]
    console.print()
    console.print(Text(title, "bold"))
    console.print()
    show_diagram(console, result)
    console.print()
    show_outcome(console, report, result)


def show_outcome(console: Console, report: Report, result: ScenarioResult) -> None:
    """Show how a scenario ended, and every check of it."""
    status = result.status
    line = Text(status.value, STATUS_STYLES[status])
    line.append(f"  {visible(result.planned.id)}", "default not bold")
    console.print(line, soft_wrap=True)
    if status not in (Status.PASSED, *_BAD):
        fact(console, "reason", visible(reason_of(report, result)))
    for check in result.checks:
        show_check(console, check)


def show_diagram(console: Console, result: ScenarioResult) -> None:
    """Draw what was seen in a scenario."""
    got = next((check.actual for check in result.checks if check.status in _BAD), "")
    lines = draw(
        sequence_of(result.evidence, result.checks),
        Told(tuple(result.planned.change), got),
        width=getattr(console, "drawing_width", console.width),
        ascii_only=not can_draw(console),
    )
    for line in lines or [Text("Nothing was sent.", "dim")]:
        console.print(line, soft_wrap=True)


def message_lines(exchange: Exchange) -> Iterator[Text]:
    """Yield an exchange as it was: who to whom, the request, the response."""
    head = f"\n#{exchange.number} {exchange.sender} → {exchange.receiver}"
    line = Text(head, "bold")
    line.append(f"  {visible(exchange.message)}", "default not bold")
    if exchange.changed:
        line.append("  changed", CHANGED_STYLE)
    yield line
    yield from _message(exchange.request, "> ")
    if exchange.response is None:
        yield Text("< no answer", "dim")
    else:
        yield from _message(exchange.response, "< ")


def _message(message: HttpMessage, mark: str) -> Iterator[Text]:
    """Yield one side of an exchange, every line of it with its mark."""
    yield Text.assemble((mark, "dim"), visible(message.start))
    for name, value in message.headers:
        yield Text.assemble(
            (mark, "dim"), (visible(name), "bold"), f": {visible(value)}"
        )
    if message.body:
        yield Text(mark.rstrip(), "dim")
    for line in _body_lines(message):
        yield Text.assemble((mark, "dim"), visible(line))
    if message.cut:
        yield Text(f"{mark}… it is longer than what is kept", "dim")


def _body_lines(message: HttpMessage) -> list[str]:
    """Return the lines of a body; JSON is spread out."""
    try:
        content = json.loads(message.body)
    except (ValueError, RecursionError):
        return message.body.splitlines()
    if not isinstance(content, dict | list):
        return message.body.splitlines()
    return json.dumps(content, indent=2, ensure_ascii=False).splitlines()
