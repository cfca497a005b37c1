"""What was seen in one scenario, side by side with its control."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence

from cimd_conformance.model import Check, ContactSeen, Exchange
from cimd_conformance.reports._html_text import Part, compare, read_part

_TARGET = "target"


@dataclasses.dataclass(frozen=True, slots=True)
class ExchangeView:
    """One exchange, ready to be shown."""

    number: int
    who: str
    """Who sent it to whom."""
    message: str
    request: Part
    response: Part | None
    changed: bool
    """The one change is in it."""
    evidence: bool
    """A check points at it."""

    @property
    def differs(self) -> bool:
        """Whether it differs from the control in a way that is shown."""
        response = self.response is not None and self.response.differs
        return self.request.differs or response


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """The same exchange in the control and in the scenario; one may be missing."""

    control: ExchangeView | None
    changed: ExchangeView | None

    @property
    def alike(self) -> bool:
        """Whether there is nothing to compare."""
        view = self.changed
        if self.control is None or view is None:
            return False
        return not (view.differs or view.changed or view.evidence)


@dataclasses.dataclass(frozen=True, slots=True)
class Reach:
    """How deep the target reached into one place."""

    place: str
    name: str
    address: str
    depths: tuple[str, ...]
    """Each with how often, in the order in which they were first seen."""
    requests: tuple[str, ...]
    """What was asked for by HTTP."""
    pointed: tuple[int, ...]
    """The numbers that a check points at."""


def view_exchange(
    item: Exchange,
    control: ExchangeView | None = None,
    pointed: frozenset[int] = frozenset(),
) -> ExchangeView:
    """Return an exchange as lines, with what differs from the control marked."""
    request = read_part(item.request)
    response = read_part(item.response) if item.response is not None else None
    if control is not None:
        ours = item.receiver == _TARGET
        missing = item.changed
        request = compare(request, control.request, missing=missing and ours)
        if response is not None and control.response is not None:
            response = compare(response, control.response, missing=missing and not ours)
    return ExchangeView(
        item.number,
        f"{item.sender} → {item.receiver}",
        item.message,
        request,
        response,
        item.changed,
        item.number in pointed,
    )


def pairs_of(
    exchanges: Sequence[Exchange],
    control: Sequence[ExchangeView],
    checks: Iterable[Check],
) -> list[Pair]:
    """Return the exchanges of both, those of the same kind beside each other."""
    pointed = frozenset(number for check in checks for number in check.evidence)
    before = [(view.who, view.message) for view in control]
    after = [(f"{one.sender} → {one.receiver}", one.message) for one in exchanges]
    pairs: list[Pair] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, left, left_end, right, right_end in matcher.get_opcodes():
        old, new = control[left:left_end], exchanges[right:right_end]
        if tag == "equal":
            pairs += [
                Pair(then, view_exchange(now, then, pointed))
                for then, now in zip(old, new, strict=True)
            ]
            continue
        pairs += [Pair(then, None) for then in old]
        pairs += [Pair(None, view_exchange(now, None, pointed)) for now in new]
    return pairs


def reaches_of(contacts: list[ContactSeen], checks: Iterable[Check]) -> list[Reach]:
    """Return the contacts, a row for each place and address."""
    pointed = {number for check in checks for number in check.evidence}
    names: dict[str, str] = {}
    groups: dict[tuple[str, str], list[ContactSeen]] = {}
    for contact in contacts:
        if contact.name:
            names.setdefault(contact.place, contact.name)
        port = f":{contact.port}" if contact.port is not None else ""
        where = f"{contact.address}{port}" if contact.address else ""
        groups.setdefault((contact.place, where), []).append(contact)
    return [
        Reach(
            place,
            names.get(place, "") if names.get(place) != group[0].address else "",
            where,
            tuple(_counted(contact.depth for contact in group)),
            tuple(_counted(contact.target for contact in group if contact.target)),
            tuple(c.number for c in group if c.number in pointed),
        )
        for (place, where), group in groups.items()
    ]


def _counted(words: Iterable[str]) -> Iterable[str]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    for word, count in counts.items():
        yield f"{word} ×{count}" if count > 1 else word
