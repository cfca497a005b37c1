"""A sequence as geometry: where lanes, arrows and words stand. Lengths are pixels."""

from __future__ import annotations

import dataclasses
import itertools

from cimd_conformance.reports._sequence import Arrow, ArrowKind, Sequence
from cimd_conformance.reports.text import visible

_LETTER = 7.3
"""The width of a letter of the label's font, which is monospaced."""
_NOTE_LETTER = 6.0
_GUTTER = 50
"""To the left of the first lane: the numbers."""
_MARGIN = 12
_TOP = 46
_LEAST_GAP = 120
_LONGEST = 300
"""Longer labels do not push the lanes apart."""
_LINE = 24
_ROW = 38
_NOTE = 15
_HEAD = 7
_LOOP = 36
_NARROW = 430
"""A diagram of this width is still legible when it is scaled to a phone."""
_FOOT_FROM = 12
"""With so many arrows the names of the lanes stand at the foot too."""


@dataclasses.dataclass(frozen=True, slots=True)
class Lane:
    """The life line of somebody."""

    name: str
    x: int
    left: int
    """The left side of its box."""
    width: int
    is_target: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One arrow with its words; heights in it are below its own top."""

    number: int
    first: bool
    """Whether its number was not in the row before."""
    linked: bool
    """Whether the page has a place with this number."""
    label: str
    note: str
    marks: tuple[str, ...]
    """What has to be noticed, in words."""
    changed: bool
    decisive: bool
    look: str
    """This, and what the arrow stands for, as classes."""
    top: int
    height: int
    text_x: int
    line: str
    """The line as an SVG path."""
    head: str
    """Its head as an SVG path."""
    end_x: int
    words: str
    """All of it in words."""


@dataclasses.dataclass(frozen=True, slots=True)
class Drawing:
    """A whole diagram."""

    width: int
    height: int
    foot: int | None
    """Where the names stand again."""
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    title: str
    lives: str
    """The life lines as one SVG path."""

    @property
    def narrow(self) -> bool:
        """Whether it may be scaled to fit a phone."""
        return self.width <= _NARROW


def draw(sequence: Sequence, title: str, linked: set[int]) -> Drawing | None:
    """Return the diagram of a sequence, None when nothing was sent.

    `linked` are the numbers that the page has a place for.
    """
    if not sequence.arrows:
        return None
    places = {name: place for place, name in enumerate(sequence.lanes)}
    gaps = _gaps(sequence, places)
    lanes = _lanes(sequence.lanes, gaps)
    by_name = dict(zip(sequence.lanes, lanes, strict=True))
    width = lanes[-1].left + lanes[-1].width + _MARGIN
    width = max(width, _GUTTER + 12 + max(map(_label_width, sequence.arrows)))
    rows: list[Row] = []
    top, before = _TOP, None
    for arrow in sequence.arrows:
        number = arrow.number
        told = {"first": number != before, "linked": number in linked}
        row = _row(arrow, by_name, top, width, **told)
        rows.append(row)
        top, before = top + row.height, number
    foot = top + 10 if len(rows) >= _FOOT_FROM else None
    height = top + (46 if foot is not None else 12)
    lives = "".join(f"M{lane.x} 34V{foot or height}" for lane in lanes)
    return Drawing(width, height, foot, tuple(lanes), tuple(rows), title, lives)


def _label_width(arrow: Arrow) -> int:
    label, note = visible(arrow.label), " · ".join([arrow.note, *_marks(arrow)])
    return int(max(len(label) * _LETTER, len(visible(note)) * _NOTE_LETTER)) + 8


def _gaps(sequence: Sequence, places: dict[str, int]) -> list[int]:
    """Return the room between neighbouring lanes: their labels have to fit."""
    names = [_half(name) for name in sequence.lanes]
    gaps = [
        max(_LEAST_GAP, left + right + 16) for left, right in itertools.pairwise(names)
    ]
    spans = [
        (*sorted((places[a.sender], places[a.receiver])), _label_width(a))
        for a in sequence.arrows
    ]
    for start, end, wide in sorted(spans, key=lambda span: span[1] - span[0]):
        wanted = min(wide, _LONGEST) + 2 * _HEAD + 8
        lacking = wanted - sum(gaps[start:end])
        for place in range(start, end):
            gaps[place] += max(0, -(-lacking // (end - start)))
    return gaps


def _half(name: str) -> int:
    return int(len(visible(name)) * _LETTER / 2) + 12


def _lanes(names: tuple[str, ...], gaps: list[int]) -> list[Lane]:
    x = max(_GUTTER, _half(names[0])) + 4
    lanes = []
    for name, gap in zip(names, [*gaps, 0], strict=True):
        half = _half(name)
        lanes.append(Lane(name, x, x - half, 2 * half, name == "target"))
        x += gap
    return lanes


def _marks(arrow: Arrow) -> list[str]:
    return ["the change"] * arrow.changed + ["failed here"] * arrow.decisive


def _row(
    arrow: Arrow,
    lanes: dict[str, Lane],
    top: int,
    width: int,
    *,
    first: bool,
    linked: bool,
) -> Row:
    start, end = lanes[arrow.sender].x, lanes[arrow.receiver].x
    marks = tuple(_marks(arrow))
    half = _label_width(arrow) // 2
    side = 1 if end > start else -1
    if start == end:
        line = f"M{start} {_LINE - 6}h{_LOOP}v8H{start}"
        head, middle = _head(arrow.kind, start, _LINE + 2, -1), start + _LOOP + half
    else:
        line = f"M{start} {_LINE}H{end - side}"
        head, middle = _head(arrow.kind, end, _LINE, side), (start + end) // 2
    words = f"{arrow.sender} → {arrow.receiver}: {arrow.label}"
    return Row(
        number=arrow.number,
        first=first,
        linked=linked,
        label=arrow.label,
        note=arrow.note,
        marks=marks,
        changed=arrow.changed,
        decisive=arrow.decisive,
        look=arrow.kind + " changed" * arrow.changed + " failed" * arrow.decisive,
        top=top,
        height=_ROW + _NOTE * bool(arrow.note or marks),
        text_x=max(_GUTTER + half, min(middle, width - half)),
        line=line,
        head=head,
        end_x=end,
        words=", ".join(filter(None, [words, arrow.note, *marks])),
    )


def _head(kind: ArrowKind, x: int, y: int, side: int) -> str:
    if kind is ArrowKind.CONTACT:
        return f"M{x - 4} {y}a4 4 0 1 0 8 0a4 4 0 1 0-8 0"
    back = x - side * (_HEAD + 1)
    return f"M{back} {y - 4}L{x - side} {y}L{back} {y + 4}"
