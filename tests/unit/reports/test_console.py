"""The console report: golden files, and what it must never let through."""

from __future__ import annotations

import io
import os
from pathlib import Path

import msgspec
import pytest
from report_samples import BROKEN_CONTROL, UNLISTED, check, exchange, header, whole_run
from rich.console import Console

from cimd_conformance.model import (
    AnyEvent,
    HttpMessage,
    RunFinished,
    ScenarioFinished,
    Status,
    TargetExited,
    TargetOutput,
)
from cimd_conformance.reports.console import ConsoleWriter, Volume

GOLDEN = Path(__file__).parent / "golden"


def _console(stream: io.StringIO, *, terminal: bool = False) -> Console:
    return Console(
        file=stream,
        width=80,
        force_terminal=terminal,
        highlight=False,
        markup=False,
        emoji=False,
    )


def render(
    events: list[AnyEvent], volume: Volume = Volume.NORMAL, *, terminal: bool = False
) -> str:
    """Return what the console shows for the events."""
    stream = io.StringIO()
    console = _console(stream, terminal=terminal)
    writer = ConsoleWriter(
        console,
        volume=volume,
        replay="cimd-conformance demo --seed 7",
        bar=console if terminal else None,
    )
    for event in events:
        writer.event(event)
    writer.finish()
    return stream.getvalue()


@pytest.mark.parametrize("volume", list(Volume))
def test_golden(volume: Volume) -> None:
    file = GOLDEN / f"console-{volume.value}.txt"
    shown = render(whole_run(), volume)
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(shown, "utf-8")
    assert shown == file.read_text("utf-8")


def test_lines_fit_and_end_without_spaces() -> None:
    for line in render(whole_run()).splitlines():
        assert line == line.rstrip()
        alone = line.startswith(("   replay", *(each.value for each in Status)))
        assert len(line) <= 80 or alone


def test_a_failure_says_everything() -> None:
    shown = render(whole_run())
    for label in ("id", "clause", "expected", "got", "change", "evidence", "replay"):
        assert f"\n   {label:<8}  " in shown


def test_failures_come_worst_first() -> None:
    started = header()
    ids = [planned.id for planned in reversed(started.plan)]
    ends: list[AnyEvent] = [
        ScenarioFinished(1.0, each, Status.FAILED, each) for each in ids
    ]
    footer = RunFinished(2.0, "failed", 1, {"failed": len(ids)}, 2.0)
    shown = render([started, *ends, footer])
    assert shown.index(f"id        {UNLISTED}") < shown.index("id        cimd/document")


def test_an_empty_selection_says_so() -> None:
    started = msgspec.structs.replace(header(), plan=[])
    shown = render([started, RunFinished(0.1, "nothing-ran", 5, {}, 0.1)])
    assert "Nothing is selected" in shown
    assert "exit 5" in shown


def test_a_terminal_gets_a_live_bar_with_counts() -> None:
    shown = render(whole_run(), terminal=True)
    assert "1 passed" in shown
    assert "\x1b[?25l" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_no_color_leaves_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = render(whole_run(), Volume.QUIET)
    assert "\x1b[31" not in shown
    assert "\x1b[1;31" not in shown


HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202egnp\u2028[bold red]x[/] :smile:\x00\ud800"
)


@pytest.mark.parametrize("volume", list(Volume))
def test_a_target_cannot_steer_the_terminal(volume: Volume) -> None:
    answer = HttpMessage(f"HTTP/1.1 302 {HOSTILE}", [("Location", HOSTILE)])
    events: list[AnyEvent] = [
        header(),
        TargetOutput(0.1, HOSTILE),
        exchange(
            UNLISTED,
            4,
            message=HOSTILE,
            request=HttpMessage(HOSTILE),
            response=answer,
        ),
        exchange(BROKEN_CONTROL, 5, response=answer),
        check(
            UNLISTED,
            Status.FAILED,
            actual=HOSTILE,
            reason=HOSTILE,
            clause=HOSTILE,
            fix=HOSTILE,
            expected=[HOSTILE],
        ),
        ScenarioFinished(1.3, UNLISTED, Status.FAILED, HOSTILE),
        ScenarioFinished(1.4, "cimd/document/too-large", Status.INCONCLUSIVE, HOSTILE),
        TargetExited(2.0, 1, [HOSTILE]),
        RunFinished(3.0, "failed", 1, {"failed": 1}, 3.0),
    ]
    shown = render(events, volume)
    for forbidden in "\x1b\x07\r\x9b\u202e\u2028\x00\ud800":
        assert forbidden not in shown
    if volume is not Volume.QUIET:
        assert "[bold red]x[/] :smile:" in shown
        assert "\\x1b[2J" in shown
