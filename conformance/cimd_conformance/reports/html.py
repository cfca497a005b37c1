"""HTML: one file that shows a run to a person, without a network.

Everything in it that a target sent is hostile: every value is escaped by the templates
after what is invisible in it was made visible, and a policy in the page allows no
script and no style but those of this package, by hash, and no connection at all.

Size and time: the evidence of a scenario is rendered when it ends, while the others
still run. What did not pass stands in the page as it is. The evidence of what passed,
by far the most, is the same HTML in packs that are compressed, and a script shows it
when it is asked for; without scripts a passed scenario still has its checks. So does
what exceeds `_PLAIN_BYTES`, lest a target that fails everywhere makes a file that
nobody can open.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import html
import zlib
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from cimd_conformance.model import (
    AnyEvent,
    Control,
    ScenarioFinished,
    Severity,
    Status,
)
from cimd_conformance.reports._html_drawing import draw
from cimd_conformance.reports._html_evidence import (
    ExchangeView,
    pairs_of,
    reaches_of,
    view_exchange,
)
from cimd_conformance.reports._html_page import anchor_of, page_of
from cimd_conformance.reports._html_text import Differs, Gone, Lines, is_marked
from cimd_conformance.reports._output import check_writable, write_document
from cimd_conformance.reports._profiles import all_profiles
from cimd_conformance.reports._report import (
    Keep,
    Report,
    ScenarioResult,
    control_label,
)
from cimd_conformance.reports._sequence import sequence_of
from cimd_conformance.reports.text import visible

_TEMPLATES = Path(__file__).parent / "templates"
_QUIET = (Status.PASSED, Status.NOT_APPLICABLE, Status.NOT_RUN)
_BAD = (Status.ERROR, Status.FAILED, Status.WARNED, Status.INCONCLUSIVE)
_PLAIN_BYTES = 1_000_000
_PACKED = 40
"""Scenarios in one pack: opening one unpacks the others."""
_OPENED = 2
"""With so few scenarios that did not pass they are open from the start."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Shown:
    """The evidence of a scenario: HTML, or the pack that holds it."""

    html: Markup | None = None
    pack: int | None = None


class HtmlWriter:
    """Writes the page when the run is over; renders evidence as scenarios end."""

    def __init__(
        self, destination: str, *, replay: str = "", strict: bool = False
    ) -> None:
        check_writable(destination)
        self._destination = destination
        self._replay = replay
        self._strict = strict
        self._report = Report(Keep.ALL)
        self._profiles = all_profiles()
        self._templates: Any = _environment().get_template("evidence.html").module
        self._exchange: Any = _environment().get_template("exchange.html").module
        self._shown: dict[str, _Shown] = {}
        self._controls: dict[str, Markup] = {}
        self._control_views: dict[str, list[ExchangeView]] = {}
        self._control_html: dict[int, Markup] = {}
        self._plain_bytes = 0
        self._pictures = 0
        self._packs: list[Markup] = []
        self._next_pack: dict[str, str] = {}

    def event(self, event: AnyEvent) -> None:
        """Take an event in, and render what is complete with it."""
        self._report.add(event)
        match event:
            case Control():
                self._show_control(event)
            case ScenarioFinished() if event.id in self._report.scenarios:
                self._show(self._report.scenarios[event.id])
            case _:
                pass

    def finish(self) -> None:
        """Write the page."""
        for result in self._report.scenarios.values():
            self._show(result)
        self._pack()
        page = page_of(self._report, self._profiles, self._replay, strict=self._strict)
        style, script = _source("page.css"), _source("page.js")
        troubled = self._report.by_status(*_BAD)
        opened = {each.planned.id for each in troubled if len(troubled) <= _OPENED}
        text = (
            _environment()
            .get_template("page.html")
            .render(
                page=page,
                evidences=self._shown,
                controls=self._controls,
                opened=opened,
                packs=self._packs,
                severities=[each.value for each in Severity],
                bad=_BAD,
                style=style,
                style_hash=_hash(style),
                script=script,
                script_hash=_hash(script),
            )
        )
        write_document(self._destination, text.encode())

    def _show(self, result: ScenarioResult) -> None:
        """Render the evidence of a scenario, once."""
        planned = result.planned
        if planned.id in self._shown or not result.evidence:
            return
        plain = result.status not in _QUIET and self._plain_bytes < _PLAIN_BYTES
        shown = self._evidence(result, plain=plain)
        if plain:
            self._plain_bytes += len(shown)
            self._shown[planned.id] = _Shown(html=shown)
            return
        self._shown[planned.id] = _Shown(pack=len(self._packs))
        self._next_pack[anchor_of(planned.id)] = str(shown)
        if len(self._next_pack) >= _PACKED:
            self._pack()

    def _evidence(self, result: ScenarioResult, *, plain: bool) -> Markup:
        planned, seen = result.planned, result.evidence
        control = self._report.control(result.control)
        before = self._control_views.get(control.id, ()) if control else ()
        title = f"Sequence of {planned.id}"
        reaches = reaches_of(seen.contacts, result.checks)
        linked = {item.number for item in seen.exchanges}
        linked.update(number for reach in reaches for number in reach.pointed)
        shown: Markup = self._templates.evidence(
            self._picture_id(),
            draw(sequence_of(seen, result.checks), title, linked),
            pairs_of(seen.exchanges, before, result.checks),
            reaches,
            self._control_html if plain else None,
        )
        return shown

    def _show_control(self, control: Control) -> None:
        """Render the evidence of a control; of one that is repeated, if it failed."""
        if control.closing_for is not None and control.status is Status.PASSED:
            return
        seen = self._report.evidence_of(control)
        label = anchor_of(control_label(control))
        views = [view_exchange(item) for item in seen.exchanges]
        shown = {view.number: self._exchange.exchange(view) for view in views}
        if control.closing_for is None:
            self._control_views[control.id] = views
            self._control_html.update(shown)
        self._controls[label] = self._templates.control_evidence(
            self._picture_id(),
            draw(sequence_of(seen), f"Sequence of {control.id}", set(shown)),
            [(view, shown[view.number]) for view in views],
            reaches_of(seen.contacts, []),
        )

    def _picture_id(self) -> str:
        """Return an id for the next diagram."""
        self._pictures += 1
        return f"d{self._pictures}"

    def _pack(self) -> None:
        """Compress what is waiting."""
        if self._next_pack:
            packed = zlib.compress(msgspec.json.encode(self._next_pack), 9)
            self._packs.append(Markup(base64.b64encode(packed).decode()))  # noqa: S704
            self._next_pack = {}


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
    )
    environment.filters["lines"] = _text_of
    return environment


def _text_of(lines: Lines) -> Markup:
    """Return lines as the content of a `pre`."""
    if is_marked(lines):
        return Markup("".join(map(_line, lines)))  # noqa: S704 - escaped below
    return _plain_text(lines)


@functools.lru_cache(maxsize=1024)
def _plain_text(lines: Lines) -> Markup:
    """Return lines without marks as text: thousands, and many of them the same."""
    if not all(map(str.isprintable, lines)):
        lines = tuple(map(visible, lines))
    return Markup(html.escape("\n".join([*lines, ""])))  # noqa: S704 - escaped


def _line(line: str) -> str:
    text = html.escape(visible(line))
    if not isinstance(line, Differs | Gone):
        return f"{text}\n"
    bare = text.lstrip(" ")
    tag = "ins" if isinstance(line, Differs) else "del"
    return f"{' ' * (len(text) - len(bare))}<{tag}>{bare}</{tag}>\n"


def _finalize(value: Any) -> Any:
    """Make visible whatever a template prints; HTML of templates is left alone."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _source(name: str) -> Markup:
    """Return a style sheet or a script of this package."""
    text = (_TEMPLATES / name).read_text("utf-8")
    return Markup(text)  # noqa: S704 - ours


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
