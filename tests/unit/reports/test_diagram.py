"""The text diagram: golden drawings, and what it must never do."""

from __future__ import annotations

import io
import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from report_samples import UNLISTED, check, contact, exchange
from rich.console import Console

from cimd_conformance.model import HttpMessage, Status
from cimd_conformance.reports import Evidence
from cimd_conformance.reports._sequence import (
    Arrow,
    ArrowKind,
    Sequence,
    sequence_of,
)
from cimd_conformance.reports.diagram import Told, can_draw, draw

GOLDEN = Path(__file__).parent / "golden"
CHANGE = 'authorization_request redirect_uri = "{evil.callback}"'


def sample() -> Sequence:
    """Return a code that is sent to evil, and then redeemed there."""
    fetch = HttpMessage("GET https://client.example/i9/client.json")
    evidence = Evidence(
        [
            exchange(UNLISTED, 4, changed=True),
            exchange(
                UNLISTED,
                6,
                sender="target",
                receiver="client",
                message="client_document",
                request=fetch,
                response=HttpMessage("200"),
            ),
        ],
        [contact(UNLISTED, 7)],
    )
    failed = check(UNLISTED, Status.FAILED, evidence=[4], illegal=["untouched"])
    return sequence_of(evidence, [failed])


def drawn(sequence: Sequence, **more: Any) -> list[str]:
    told = Told((CHANGE,), "evil was reached")
    return [line.plain for line in draw(sequence, told, **more)]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("boxes", {}),
        ("ascii", {"ascii_only": True}),
        ("wide", {"width": 120}),
        ("list", {"width": 40}),
    ],
)
def test_golden(name: str, how: dict[str, Any]) -> None:
    file = GOLDEN / f"diagram-{name}.txt"
    shown = "".join(f"{line}\n" for line in drawn(sample(), **how))
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(shown, "utf-8")
    assert shown == file.read_text("utf-8")


def test_ascii_is_ascii() -> None:
    assert "\n".join(drawn(sample(), ascii_only=True)).isascii()


def lanes(count: int) -> Sequence:
    names = tuple(f"party-{number}" for number in range(count))
    arrows = [
        Arrow(n, ArrowKind.REQUEST, a, b, f"GET /{'x' * 90}", "message")
        for n, (a, b) in enumerate(itertools.permutations(names, 2))
    ]
    return Sequence(names, tuple(arrows))


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("count", range(2, 9))
def test_no_line_is_too_wide(count: int, width: int) -> None:
    lines = drawn(lanes(count), width=width)
    assert max(map(len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(("count", "boxes"), [(2, True), (6, True), (7, False)])
def test_what_has_too_many_lanes_is_a_list(count: int, boxes: bool) -> None:
    lines = drawn(lanes(count))
    assert any("│" in line for line in lines) is boxes
    assert any(line.startswith("#1 party-0 → party-2:") for line in lines) is not boxes


def test_a_request_to_oneself_is_a_line_of_text() -> None:
    arrow = Arrow(1, ArrowKind.REQUEST, "as", "as", "GET /", "message")
    lines = drawn(Sequence(("as", "target"), (arrow,)))
    assert len(lines) == 3
    assert "GET /  message" in lines[2]


def test_nothing_to_draw_is_nothing() -> None:
    assert drawn(Sequence((), ())) == []


def test_a_change_is_told_once_where_its_message_is() -> None:
    def request(number: int, message: str) -> Arrow:
        kind = ArrowKind.REQUEST
        who = ("client", "target")
        return Arrow(number, kind, *who, "POST /", "", changed=True, message=message)

    sequence = Sequence(
        ("client", "target"),
        (request(1, "first"), request(2, "second"), request(3, "second")),
    )
    told = Told(("second a = 1", "flow b = 2"))
    marks = [line.plain for line in draw(sequence, told) if "▲" in line.plain]
    assert [mark.strip(" │") for mark in marks] == [
        "▲ changed: flow b = 2",
        "▲ changed: second a = 1",
        "▲ changed",
    ]


def test_a_target_cannot_steer_the_terminal() -> None:
    label = "\x1b[2J\u202e\r\n宽"
    arrow = Arrow(1, ArrowKind.REQUEST, "a", "\x1bb", label, label, decisive=True)
    for width in (30, 80):
        lines = draw(Sequence(("a", "\x1bb"), (arrow,)), Told(got=label), width=width)
        for line in lines:
            assert line.plain.isprintable()
            assert line.cell_len <= width


@pytest.mark.parametrize(
    ("encoding", "can"), [("utf-8", True), ("latin-1", False), ("ascii", False)]
)
def test_what_a_console_can_draw(encoding: str, can: bool) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert can_draw(Console(file=stream)) is can
