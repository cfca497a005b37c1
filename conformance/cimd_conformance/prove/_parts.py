"""Every part of every expectation has to be able to fail, or somebody said why not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from cimd_conformance.catalogue import Instance, read_toml
from cimd_conformance.model import Expect, FlawTried, Scenario

Part = tuple[str, int, str]
"""The id of a scenario, the number of the expectation from 1, and the part's name."""


class Unproven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of an expectation that no flaw makes illegal, and why that is right."""

    scenario: str
    expectation: int
    part: str
    why: str

    @property
    def key(self) -> Part:
        """What it is about."""
        return self.scenario, self.expectation, self.part


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    unproven: list[Unproven] = []


def read_unproven(file: Path) -> list[Unproven]:
    """Return the reviewed exceptions; none when there is no file."""
    return read_toml(file, _File)[0].unproven if file.exists() else []


def parts_of(expect: Expect) -> list[str]:
    """Return the parts that an expectation has, as a check calls them."""
    there = {
        "outcome": bool(expect.outcome),
        "untouched": bool(expect.untouched),
        "unasked": bool(expect.unasked),
        "touched": bool(expect.touched),
        "message": expect.in_ is not None,
    }
    return [name for name, asked in there.items() if asked]


def all_parts(instances: Iterable[Instance]) -> dict[Part, Expect]:
    """Return every part that is asked for; instances of a scenario ask alike."""
    scenarios: dict[str, Scenario] = {i.scenario.id: i.scenario for i in instances}
    return {
        (name, number, part): expect
        for name, scenario in scenarios.items()
        for number, expect in enumerate(scenario.expect, 1)
        for part in parts_of(expect)
    }


def illegal_parts(
    instances: Iterable[Instance], tried: Iterable[FlawTried]
) -> dict[Part, set[str]]:
    """Return which flaws made a part illegal in an instance whose control was green."""
    scenario_of = {i.id: i.scenario.id for i in instances}
    found: dict[Part, set[str]] = {}
    for one in tried:
        for name, parts in one.illegal.items():
            for text in parts:
                number, part = text.split()
                key = (scenario_of[name], int(number), part)
                found.setdefault(key, set()).add(one.flaw)
    return found


def part_holes(
    asked: dict[Part, Expect],
    illegal: Iterable[Part],
    unproven: Iterable[Unproven],
    *,
    everything: bool,
) -> list[str]:
    """Return the parts that no flaw makes illegal, and exceptions that are wrong."""
    proven, excused = set(illegal), {one.key for one in unproven}
    found = [
        f"{scenario}: expectation {number} ({expect.requirement}), part {part}: "
        "no flaw makes it illegal."
        for (scenario, number, part), expect in asked.items()
        if (scenario, number, part) not in proven | excused
    ]
    for scenario, number, part in sorted(excused):
        where = f"unproven.toml: {scenario}, expectation {number}, part {part}"
        if (scenario, number, part) in proven:
            found.append(f"{where}: a flaw makes it illegal, the entry has to go.")
        elif everything and (scenario, number, part) not in asked:
            found.append(f"{where}: there is no such part.")
    return found
