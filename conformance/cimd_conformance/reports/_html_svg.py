"""The parts of a drawing as SVG, and its words: thousands, so not by a template.

Whatever is not a number or a word of ours goes through `_safe`.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from markupsafe import Markup

from cimd_conformance.reports._html_drawing import Drawing, Lane, Row
from cimd_conformance.reports.text import visible


def bands(drawing: Drawing) -> Markup:
    """Return what lies behind the arrows that have to be noticed."""
    return _joined(
        f'<rect class="band {row.look}" y="{row.top}" width="{drawing.width}"'
        f' height="{row.height}"/>'
        for row in drawing.rows
        if row.changed or row.decisive
    )


def lanes(drawing: Drawing) -> Markup:
    """Return the boxes with the names."""
    return _joined(map(_lane, drawing.lanes))


def arrows(drawing: Drawing) -> Markup:
    """Return the arrows with their labels."""
    return _joined(map(_arrow, drawing.rows))


def words(drawing: Drawing) -> Markup:
    """Return the arrows as items of a list."""
    return _joined(map(_item, drawing.rows))


def _lane(lane: Lane) -> str:
    target = " target" if lane.is_target else ""
    return (
        f'<rect x="{lane.left}" y="10" width="{lane.width}" height="24" rx="4"'
        f' class="box{target}"/>'
        f'<text class="lane" x="{lane.x}" y="26">{_safe(lane.name)}</text>'
    )


def _arrow(row: Row) -> str:
    goes = " goes" if row.linked else ""
    number = f'<text class="num{goes}" x="8" y="28">#{row.number}</text>'
    cross = f'<path class="cross" d="M{row.end_x - 6} 18l12 12m0-12l-12 12"/>'
    note = [_safe(row.note)] if row.note else []
    note += [f'<tspan class="mark">{mark}</tspan>' for mark in row.marks]
    told = f'<text class="note" x="{row.text_x}" y="39">{" · ".join(note)}</text>'
    return (
        f'<g class="{row.look}" transform="translate(0 {row.top})">'
        f"{number if row.first else ''}"
        f'<text class="label" x="{row.text_x}" y="17">{_safe(row.label)}</text>'
        f'<path class="line" d="{row.line}"/><path class="head" d="{row.head}"/>'
        f"{cross if row.decisive else ''}{told if note else ''}</g>"
    )


def _item(row: Row) -> str:
    number = f"#{row.number}"
    if row.linked:
        number = f'<a href="#n{row.number}">{number}</a>'
    return f"<li>{number} {_safe(row.words)}</li>"


def _safe(text: str) -> str:
    return html.escape(visible(text))


def _joined(pieces: Iterable[str]) -> Markup:
    return Markup("\n".join(pieces))  # noqa: S704 - every piece is made of safe parts
