"""Scenarios as data: what the TOML files say, typed."""

from __future__ import annotations

from typing import Any

import msgspec

from cimd_conformance.model._messages import Message, Op
from cimd_conformance.model._words import Role, Severity, Verb

Path = list[str | int]


class _Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A table of a scenario file: unknown keys are mistakes."""


class Change(_Table, frozen=True, rename={"in_": "in"}):
    """One edit of one named message."""

    in_: Message
    at: Path = []
    op: Op = Op.SET
    value: Any = None
    step: str | None = None
    """The name of the step it applies to (and, for what we serve, from then on)."""


class Expect(_Table, frozen=True, rename={"in_": "in"}):
    """One question: one requirement and its legal answers."""

    requirement: str
    step: str | None = None
    """The step whose end is judged; without it, the end of the whole flow."""
    outcome: list[str] = []
    """Legal outcomes; `refused` stands for every refusal."""
    untouched: list[str] = []
    """Places that neither the target nor the browser may reach."""
    unasked: list[str] = []
    """Places that may be connected to, but that get no HTTP request."""
    touched: list[str] = []
    """Places that the target must have reached."""
    in_: Message | None = None
    """A message that came back, of which one part is judged."""
    at: Path = []
    equals: Any = None
    one_of: list[Any] = []
    at_most: int | None = None
    """The part is a number, and no greater than this."""
    same_as: str | None = None
    """The part is what it was after the step of this name."""
    contains: str | None = None
    lacks: str | None = None
    absent: bool = False
    present: bool = False


class Step(_Table, frozen=True, rename={"with_": "with", "as_": "as"}):
    """One step of a choreography."""

    do: Verb
    name: str | None = None
    as_: str = "client"
    """Which of our identities acts: `client`, or `other` (a second client)."""
    with_: dict[str, Any] = {}


class Place(_Table, frozen=True):
    """A host or address that a scenario owns, besides the client's own.

    `{name.origin}`, `{name.host}` and `{name.address}` stand for it in values. What is
    no text can be `{case.KEY}` in a family.
    """

    name: str
    address: str | None = None
    """An address, or a range of which one address is leased."""
    beside: str | None = None
    """The place whose address it shares: another name there."""
    host: bool = True
    """Whether it has a DNS name; without one its host is the address itself."""
    called: str | None = None
    """The name that it has instead of an ordinary one, such as `intranet`."""
    answers: list[list[str]] | str = []
    """What the name resolves to, query by query; the last one stays."""
    turn: str = "query"
    """What brings the next of the answers: a `query`, or a `fetch` from the place."""
    aliases: int | str = 0
    """How many CNAMEs lead from the name to the one that has the addresses."""
    dns: str | None = None
    """What goes wrong with every answer about the name."""
    tls: str | None = None
    """How its TLS is not in order (power `tls-variants`)."""


class Near(_Table, frozen=True):
    """A family whose rows are the near misses of one identifier.

    `{case.value}` stands for the near miss.
    """

    of: str
    """The identifier's placeholder, without braces."""
    kind: str = ""
    """`spelling`, `other` or `shape`; without it all of them."""
    leave_out: list[str] = []
    """Rows that do not apply here."""


class Scenario(_Table, frozen=True):
    """A legitimate flow with one thing changed, and the answer that is secure."""

    id: str
    title: str
    role: Role
    flow: str
    severity: Severity
    expect: list[Expect]
    why: str = ""
    flaws: list[str] = []
    attacks: list[str] = []
    needs: list[str] = []
    features: list[str] = []
    """What the target has to announce."""
    variants: dict[str, list[str]] = {}
    control: dict[str, str] = {}
    """What differs from the scenario's own shape in the legitimate flow that it rests
    on: a scenario that asks whether a legitimate flow works at all rests on a simpler
    one, e.g. `control = {auth = "none"}`."""
    case: list[dict[str, Any]] = []
    near: Near | None = None
    place: list[Place] = []
    change: list[Change] = []
    step: list[Step] = []
    without: list[str] = []
    """Accommodations of the target file that this scenario does without: each is
    itself a check, so that it unblocks the run without hiding the deviation."""
    disturbs: bool = False
    isolation: str = "concurrent"

    @property
    def powers(self) -> frozenset[str]:
        """What it takes of a network: `needs`, and IPv6 where a place has it."""
        addresses = [place.address or "" for place in self.place]
        addresses += [text for p in self.place for one in p.answers for text in one]
        ipv6 = {"ipv6"} if any(":" in text for text in addresses) else set()
        return frozenset({*self.needs, *ipv6})
