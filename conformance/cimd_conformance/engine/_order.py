"""In which order the scenarios of a plan run, and which let time pass together.

What waits for a time-out of the target takes as long as that, however quick the
machine: it begins first. To move the clock of a target takes about a second: scenarios
that let the same time pass do it at the same moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self

from cimd_conformance.catalogue import Instance
from cimd_conformance.flows import Advance, World
from cimd_conformance.model import Role, Verb


@dataclass(frozen=True, slots=True)
class Order:
    """The instances of a plan, by when they run."""

    waiting: list[Instance]
    """First, a few at a time, beside `together`."""
    together: list[Instance]
    alone: list[list[Instance]]
    """Afterwards, company by company: those of one share each move of the clock."""

    @classmethod
    def of(cls, plan: Iterable[Instance], lanes: int, company: int) -> Self:
        """Sort a plan, where `lanes` scenarios may wait and `company` move the clock.

        Without lanes those that wait run alone, as if they were exclusive.
        """
        by: dict[str, list[Instance]] = {"concurrent": [], "waiting": []}
        for one in plan:
            by.setdefault(one.scenario.isolation, []).append(one)
        alone = by.get("exclusive", [])
        if not lanes:
            alone += by["waiting"]
            by["waiting"] = []
        if company > 1:
            alone.sort(key=_passing)
        # What disturbs comes last: nothing else lives with what it leaves behind.
        alone.sort(key=lambda one: one.scenario.disturbs)
        companies = [
            some
            for passing, group in groupby(alone, _passing)
            for some in _parts(list(group), company if passing else 1)
        ]
        return cls(by["waiting"], by["concurrent"], companies)

    @property
    def closing(self) -> list[Instance]:
        """All of them, for the controls that are repeated at the end."""
        alone = [one for company in self.alone for one in company]
        return [*self.waiting, *self.together, *alone]


def _parts(instances: list[Instance], size: int) -> list[list[Instance]]:
    return [instances[at : at + size] for at in range(0, len(instances), size)]


def _passing(instance: Instance) -> float:
    """Return the seconds that a scenario lets pass, 0 where it has to be alone.

    Company takes one move, no address that another one holds, and clients with keys of
    their own: tool servers all trust the one issuer, whose keys change.
    """
    scenario = instance.scenario
    moves = [step for step in scenario.step if step.do is Verb.ADVANCE]
    shares = scenario.role is not Role.AUTHORIZATION_SERVER or scenario.place
    if len(moves) != 1 or shares or scenario.disturbs:
        return 0.0
    return float(moves[0].with_.get("seconds", 0))


@dataclass(slots=True)
class Meeting:
    """Lets time pass when everybody has come who will: once, for all of them."""

    move: Advance
    missing: int
    """How many scenarios have neither come nor ended."""
    _complete: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _moved: bool | None = None

    def count_off(self) -> None:
        """Wait for one less: it has come, or ended without."""
        self.missing -= 1
        if self.missing <= 0:
            self._complete.set()

    async def advance(self, seconds: float) -> bool:
        """Let the seconds pass; False when the target's clock did not follow.

        Who comes a second time, after a pause that the target asked for, comes too
        late: the clock is not moved under the others.
        """
        if self._moved is not None:
            return False
        self.count_off()
        await self._complete.wait()
        async with self._lock:
            if self._moved is None:
                self._moved = await self.move(seconds)
        return self._moved


async def in_company(
    world: World,
    company: list[Instance],
    run: Callable[[Instance], Awaitable[None]],
) -> None:
    """Run scenarios that let the same time pass; they do it together."""
    move = world.advance
    meeting = Meeting(move or _stands_still, len(company))

    async def member(instance: Instance) -> None:
        try:
            await run(instance)
        finally:
            meeting.count_off()

    world.advance = meeting.advance if move else None
    try:
        async with asyncio.TaskGroup() as group:
            for instance in company:
                group.create_task(member(instance))
    finally:
        world.advance = move


async def _stands_still(_seconds: float) -> bool:
    return False
