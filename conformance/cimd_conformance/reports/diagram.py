"""A sequence diagram as text: lanes side by side, an arrow on each line.

Drawn in box characters, or in ASCII where the terminal knows no others. What has too
many lanes for the width becomes a numbered list.
"""

from __future__ import annotations

import dataclasses
import textwrap

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cimd_conformance.reports._console_style import WIDTH
from cimd_conformance.reports._sequence import Arrow, ArrowKind, Sequence
from cimd_conformance.reports.text import visible

CHANGED_STYLE = "bold yellow"
FAILED_STYLE = "bold red"

_DASHES = {ArrowKind.REQUEST: "─", ArrowKind.RESPONSE: "╌", ArrowKind.CONTACT: "┄"}
_WIDEST_GAP = 36
_WIDEST_ALONE = 60
"""Between the two lanes of a diagram that has no others."""
_NARROWEST_GAP = 12
_MARK_LINES = 4
_MARK_ROOM = 48
_ASCII = str.maketrans(
    {
        **dict(zip("‹›│─╌┄═▶◀▲✗", "<>|-.:=><^X", strict=True)),
        "→": "->",
        "…": "...",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What stands below an arrow that is marked."""

    changes: tuple[str, ...] = ()
    """What was changed, in words that begin with the name of a message."""
    got: str = ""
    """What was seen at the point of failure."""


def can_draw(console: Console) -> bool:
    """Whether a console knows the characters that the diagram is made of."""
    try:
        "│─╌┄═▶◀▲✗→…‹›".encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def draw(
    sequence: Sequence,
    told: Told | None = None,
    *,
    width: int = WIDTH,
    ascii_only: bool = False,
) -> list[Text]:
    """Return the lines of the diagram, none of them wider than `width`."""
    sheet = _Sheet.for_lanes(sequence, width, ascii_only=ascii_only)
    lines = [] if sheet is None else [sheet.head(), sheet.blank()]
    marks = _marks(sequence, told or Told())
    before = 0
    for arrow, said in zip(sequence.arrows, marks, strict=True):
        if sheet is None:
            lines += _listed(arrow, said, width, ascii_only=ascii_only)
            continue
        number = f"#{arrow.number}" if arrow.number != before else ""
        lines += sheet.arrow(arrow, number, said)
        before = arrow.number
    for line in lines:
        line.rstrip()
    return lines


def _marks(sequence: Sequence, told: Told) -> list[list[str]]:
    """Return what stands below each arrow: what is changed, that it is the failure."""
    names = {arrow.message for arrow in sequence.arrows if arrow.changed}
    waiting = list(told.changes)
    marks = []
    for arrow in sequence.arrows:
        said = []
        if arrow.changed:
            mine = [each for each in waiting if _of(each, names) in ("", arrow.message)]
            waiting = [each for each in waiting if each not in mine]
            said.append(_with("▲ changed", "; ".join(mine)))
        if arrow.decisive:
            said.append(_with("✗ here it fails", told.got))
        marks.append(said)
    return marks


def _of(change: str, names: set[str]) -> str:
    """Return the message that a change is in, empty when the diagram has none such."""
    name = change.partition(" ")[0]
    return name if name in names else ""


def _with(mark: str, words: str) -> str:
    return f"{mark}: {words}" if words else mark


@dataclasses.dataclass(frozen=True, slots=True)
class _Sheet:
    """Where the lanes stand, and how a line is put on paper."""

    columns: dict[str, int]
    gap: int
    width: int
    ascii_only: bool

    @classmethod
    def for_lanes(
        cls, sequence: Sequence, width: int, *, ascii_only: bool
    ) -> _Sheet | None:
        """Divide the width among the lanes; None when it is too little for them."""
        lanes = sequence.lanes
        if len(lanes) < 2:
            return None
        numbers = max(len(f"#{arrow.number}") for arrow in sequence.arrows)
        first = numbers + 2 + len(lanes[0]) // 2
        room = width - first - max(len(lanes[-1]) // 2, 2) - 1
        widest = _WIDEST_ALONE if len(lanes) == 2 else _WIDEST_GAP
        gap = min(room // (len(lanes) - 1), widest)
        if gap < _NARROWEST_GAP:
            return None
        columns = {lane: first + place * gap for place, lane in enumerate(lanes)}
        return cls(columns, gap, width, ascii_only)

    def head(self) -> Text:
        """Return the line with the names."""
        line = " " * self.width
        for lane, column in self.columns.items():
            name = self._cut(self._plain(lane), self.gap - 1)
            line = _over(line, max(column - len(name) // 2, 0), name)
        return Text(line[: self.width], "bold")

    def blank(self, number: str = "") -> Text:
        """Return a line on which nothing is sent."""
        line = " " * self.width
        for column in self.columns.values():
            line = _over(line, column, self._plain("│"))
        return Text(_over(line, 0, number))

    def arrow(self, arrow: Arrow, number: str, marks: list[str]) -> list[Text]:
        """Return the lines of one arrow: a text that does not fit stands above it."""
        left, right = sorted((self.columns[arrow.sender], self.columns[arrow.receiver]))
        style = _style(arrow)
        label = self._plain(_label(arrow))
        lines = []
        if len(label) > right - left - 6:
            lines.append(self._beside(label, left, style, number))
            label = number = ""
        if left != right:
            lines.append(self._shaft(arrow, left, right, number, label))
        for mark in marks:
            lines += self._below(self._plain(mark), left, style)
        return lines

    def _shaft(
        self, arrow: Arrow, left: int, right: int, number: str, label: str
    ) -> Text:
        """Return the line with the arrow itself, its label in it where there is one."""
        rightward = self.columns[arrow.sender] == left
        shaft = self._plain(_shaft(arrow, right - left - 1, rightward=rightward))
        line = _over(self.blank(number).plain, left + 1, shaft)
        if label:
            line = _over(line, left + 3, f" {label} ")
        text = Text(line[: self.width])
        text.stylize(_style(arrow), left + 1, right)
        return text

    def _beside(self, words: str, left: int, style: str, number: str = "") -> Text:
        """Return a line of text beside a lane; it begins further left to fit."""
        begin = max(min(left + 2, self.width - len(words)), self._first)
        words = self._cut(words, self.width - begin)
        line = _over(self.blank(number).plain, begin - 1, f" {words} ")
        text = Text(line[: self.width])
        text.stylize(style, begin, begin + len(words))
        return text

    def _below(self, words: str, left: int, style: str) -> list[Text]:
        """Return a few lines of text below an arrow, begun where most of it fits."""
        indent = " " * 2
        begin = max(min(left + 2, self.width - _MARK_ROOM), self._first)
        lines = textwrap.wrap(
            words,
            self.width - begin,
            subsequent_indent=indent,
            max_lines=_MARK_LINES,
            break_on_hyphens=False,
            placeholder=self._plain(" …"),
        )
        return [self._beside(line, begin - 2, style) for line in lines]

    @property
    def _first(self) -> int:
        """Where a text may begin: beside the first lane."""
        return min(self.columns.values()) + 2

    def _cut(self, text: str, room: int) -> str:
        return _cut(text, room, ascii_only=self.ascii_only)

    def _plain(self, text: str) -> str:
        return _single(text, ascii_only=self.ascii_only)


def _listed(
    arrow: Arrow, marks: list[str], width: int, *, ascii_only: bool
) -> list[Text]:
    """Return one arrow as a line of a list, with its marks below."""
    head = f"#{arrow.number}"
    indent = " " * (len(head) + 1)
    words = f"{head} {arrow.sender} → {arrow.receiver}: {_label(arrow)}"
    lines = [
        _single(line, ascii_only=ascii_only)
        for line in (words, *(indent + mark for mark in marks))
    ]
    return [
        Text(_cut(line, width, ascii_only=ascii_only), _style(arrow)) for line in lines
    ]


def _style(arrow: Arrow) -> str:
    if arrow.decisive:
        return FAILED_STYLE
    return CHANGED_STYLE if arrow.changed else "default"


def _label(arrow: Arrow) -> str:
    return f"{arrow.label}  {arrow.note}" if arrow.note else arrow.label


def _shaft(arrow: Arrow, length: int, *, rightward: bool) -> str:
    """Return the line of an arrow with its head."""
    dash = "═" if arrow.changed else _DASHES[arrow.kind]
    return dash * (length - 1) + "▶" if rightward else "◀" + dash * (length - 1)


def _single(text: str, *, ascii_only: bool) -> str:
    """Return a text in which every character takes one cell."""
    text = visible(text)
    if ascii_only:
        return text.translate(_ASCII).encode("ascii", "replace").decode()
    return "".join(each if cell_len(each) == 1 else "?" for each in text)


def _over(line: str, column: int, text: str) -> str:
    """Return the line with a text written over it."""
    return line[:column] + text + line[column + len(text) :]


def _cut(text: str, room: int, *, ascii_only: bool) -> str:
    """Return the text, cut with a mark when it is longer than the room."""
    if len(text) <= room:
        return text
    mark = "..." if ascii_only else "…"
    return text[: max(room - len(mark), 0)] + mark[:room]
