"""HTML: one file that shows a run to a person, without a network.

Everything in it that a target sent is hostile: every value is escaped by the templates
after what is invisible in it was made visible, and a policy in the page allows no
script and no style but those of this package, by hash, and no connection at all.

Size and time: the evidence of a scenario is rendered when it ends, while the others
still run. What did not pass stands in the page as it is, the worst first, and points at
the exchanges of its control, which stand there once; a script puts them side by side,
and in place of those that are like them. What passed, by far the most, is the same HTML
in packs that are compressed, and the script shows it when it is asked for; without
scripts it is a list of what was asked. So is the evidence that exceeds `_PLAIN_BYTES`,
lest a target that fails everywhere makes a file that nobody can open, and the controls
that nothing plain points at.
"""

from __future__ import annotations

import dataclasses
from typing import Any

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
from cimd_conformance.reports._html_packs import Packs
from cimd_conformance.reports._html_page import Page, anchor_of, page_of
from cimd_conformance.reports._html_templates import environment, hash_of, source
from cimd_conformance.reports._output import check_writable, write_document
from cimd_conformance.reports._profiles import all_profiles
from cimd_conformance.reports._report import (
    Keep,
    Report,
    ScenarioResult,
    control_label,
)
from cimd_conformance.reports._sequence import sequence_of

_QUIET = (Status.PASSED, Status.NOT_APPLICABLE, Status.NOT_RUN)
_BAD = (Status.ERROR, Status.FAILED, Status.WARNED, Status.INCONCLUSIVE)
_PLAIN_BYTES = 400_000
_OPENED = 2
"""With so few scenarios that did not pass they are open from the start."""


def _gravity(result: ScenarioResult) -> tuple[int, int]:
    """Return what the worst has the least of."""
    severities = list(Severity)
    return _BAD.index(result.status), severities.index(result.planned.severity)


@dataclasses.dataclass(frozen=True, slots=True)
class _Shown:
    """The evidence of a scenario: HTML, or the pack that holds it."""

    html: Markup | None = None
    pack: int | None = None


class HtmlWriter:
    """Writes the page when the run is over; renders evidence as scenarios end."""

    def __init__(self, destination: str, *, replay: str = "") -> None:
        check_writable(destination)
        self._destination = destination
        self._replay = replay
        self._report = Report(Keep.ALL)
        self._profiles = all_profiles()
        self._evidence: Any = environment().get_template("evidence.html").module
        self._exchange: Any = environment().get_template("exchange.html").module
        self._shown: dict[str, _Shown] = {}
        self._controls: dict[str, Markup] = {}
        self._control_views: dict[str, list[ExchangeView]] = {}
        self._pictures = 0
        self._packs = Packs()

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
        page = page_of(self._report, self._profiles, self._replay)
        style, script = source("page.css"), source("page.js")
        troubled = self._report.by_status(*_BAD)
        self._pack_what_exceeds(troubled)
        plain = self._plain_controls()
        packed = {n: each for n, each in self._controls.items() if n not in plain}
        template = environment().get_template("page.html")
        text = template.render(
            page=page,
            evidences=self._shown,
            controls=plain,
            controls_pack=self._packs.add_all(packed),
            opened={each.planned.id for each in troubled if len(troubled) <= _OPENED},
            facts_pack=self._pack_facts(page),
            packs=self._packs.coded,
            severities=[each.value for each in Severity],
            style=style,
            style_hash=hash_of(style),
            script=script,
            script_hash=hash_of(script),
        )
        write_document(self._destination, text.encode())

    def _plain_controls(self) -> dict[str, Markup]:
        """Return the controls that somebody without scripts has to find."""
        names = {
            control_label(control)
            for result in self._report.scenarios.values()
            if (shown := self._shown.get(result.planned.id)) and shown.html is not None
            if (control := self._report.control(result.control)) is not None
        }
        failed = (c for c in self._report.controls if c.status is not Status.PASSED)
        names.update(map(control_label, failed))
        anchors = set(map(anchor_of, names))
        return {n: each for n, each in self._controls.items() if n in anchors}

    def _pack_facts(self, page: Page) -> int:
        """Put away what is told of scenarios that passed; return its pack."""
        facts: Any = environment().get_template("facts.html").module
        pieces = {
            view.anchor: facts.facts(view)
            for group in page.groups
            if group.status is Status.PASSED
            for cause in group.causes
            for view in cause.scenarios
        }
        return self._packs.add_all(pieces)

    def _show(self, result: ScenarioResult) -> None:
        """Render the evidence of a scenario, once."""
        planned, seen = result.planned, result.evidence
        if planned.id in self._shown or not seen:
            return
        control = self._report.control(result.control)
        before = self._control_views.get(control.id, ()) if control else ()
        reaches = reaches_of(seen.contacts, result.checks)
        linked = {item.number for item in seen.exchanges}
        linked.update(number for reach in reaches for number in reach.pointed)
        sequence = sequence_of(seen, result.checks)
        shown: Markup = self._evidence.evidence(
            self._picture_id(),
            draw(sequence, f"Sequence of {planned.id}", linked),
            pairs_of(seen.exchanges, before, result.checks),
            reaches,
        )
        if result.status in _QUIET:
            self._pack(planned.id, shown)
        else:
            self._shown[planned.id] = _Shown(html=shown)

    def _pack(self, scenario: str, shown: Markup) -> None:
        pack = self._packs.add(anchor_of(scenario), shown)
        self._shown[scenario] = _Shown(pack=pack)

    def _pack_what_exceeds(self, troubled: list[ScenarioResult]) -> None:
        """Leave the worst as it is, as long as there is room, and pack the rest."""
        room = _PLAIN_BYTES
        for result in sorted(troubled, key=_gravity):
            shown = self._shown.get(result.planned.id)
            if shown is None or shown.html is None:
                continue
            room -= len(shown.html)
            if room < 0:
                self._pack(result.planned.id, shown.html)

    def _show_control(self, control: Control) -> None:
        """Render the evidence of a control; of one that is repeated, if it failed."""
        if control.closing_for is not None and control.status is Status.PASSED:
            return
        seen = self._report.evidence_of(control)
        views = [view_exchange(item) for item in seen.exchanges]
        if control.closing_for is None:
            self._control_views[control.id] = views
        linked = {view.number for view in views}
        label = anchor_of(control_label(control))
        self._controls[label] = self._evidence.control_evidence(
            self._picture_id(),
            draw(sequence_of(seen), f"Sequence of {control.id}", linked),
            [(view, self._exchange.exchange(view)) for view in views],
            reaches_of(seen.contacts, []),
        )

    def _picture_id(self) -> str:
        """Return an id for the next diagram."""
        self._pictures += 1
        return f"d{self._pictures}"
