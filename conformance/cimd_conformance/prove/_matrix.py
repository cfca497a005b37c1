"""What the flaws did to the scenarios: holes, collateral, and the reviewed file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cimd_conformance.catalogue import Instance
from cimd_conformance.model import FlawTried, Status
from cimd_conformance.prove._parts import (
    Unproven,
    all_parts,
    illegal_parts,
    part_holes,
)

FEW = 8
"""Every scenario has a flaw with no more victims than this (in scenario files)."""

DETECTED = frozenset({Status.FAILED, Status.WARNED})
BROKEN = frozenset({Status.INCONCLUSIVE, Status.ERROR})


@dataclass(slots=True)
class Matrix:
    """The outcome of a proof."""

    instances: list[Instance]
    tried: dict[str, FlawTried] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    """Instances that could not be run for want of a power of the network."""

    def leave_out(self, honest: Mapping[str, Status]) -> None:
        """Ask nothing of what the honest reference could not be asked here."""
        self.left_out = {n for n, status in honest.items() if status is Status.NOT_RUN}
        self.instances = [i for i in self.instances if i.id not in self.left_out]

    @property
    def named(self) -> set[str]:
        """The flaws that a scenario is there for."""
        return {flaw for i in self.instances for flaw in i.scenario.flaws}

    def undetected(self) -> list[str]:
        """Return the flaws that were tried and that no scenario notices."""
        return sorted(flaw for flaw in self.tried if not self.victims(flaw))

    def proven_parts(self) -> int:
        """Return how many parts of expectations a flaw makes illegal."""
        return len(illegal_parts(self.instances, self.tried.values()))

    def vacuous(self, asked: Iterable[str]) -> list[str]:
        """Return which flaws of the command line prove nothing: nobody notices them."""
        return [
            f"No scenario detects the flaw {flaw} "
            f"({len(self.tried[flaw].statuses) if flaw in self.tried else 0} run)."
            for flaw in sorted(set(asked) - self.named)
            if not self.victims(flaw)
        ]

    def excused(self, unproven: Iterable[Unproven]) -> list[Unproven]:
        """Return the reviewed exceptions that concern these scenarios."""
        asked = all_parts(self.instances)
        return [one for one in unproven if one.key in asked]

    def parts(self, unproven: Iterable[Unproven], *, everything: bool) -> list[str]:
        """Return the parts of expectations that cannot fail, as far as we know."""
        illegal = illegal_parts(self.instances, self.tried.values())
        asked = all_parts(self.instances)
        return part_holes(asked, illegal, unproven, everything=everything)

    def _scenario_of(self, instance_id: str) -> str:
        found = next(i for i in self.instances if i.id == instance_id)
        return found.scenario.id

    def victims(self, flaw: str) -> set[str]:
        """Return the scenarios of which an instance fails under the flaw."""
        tried = self.tried.get(flaw)
        if tried is None:
            return set()
        return {
            self._scenario_of(name)
            for name, status in tried.statuses.items()
            if status in DETECTED
        }

    def holes(self, flaws: Iterable[str]) -> list[str]:
        """Return everything that the proof owes, in full sentences."""
        chosen = set(flaws)
        found: list[str] = []
        scenarios = {i.scenario.id: i.scenario for i in self.instances}
        for scenario in scenarios.values():
            for flaw in scenario.flaws:
                if flaw not in chosen:
                    continue
                if flaw not in self.tried:
                    found.append(f"{scenario.id} names the flaw {flaw}: no such flaw.")
                elif scenario.id not in self.victims(flaw):
                    found.append(self._undetected(scenario.id, flaw))
            found += self._crowd(scenario.id, scenario.flaws, chosen)
        for instance in self.instances:
            found += self._idle(instance, chosen)
        return found

    def _undetected(self, scenario: str, flaw: str) -> str:
        tried = self.tried[flaw]
        seen = {
            name: status
            for name, status in tried.statuses.items()
            if self._scenario_of(name) == scenario
        }
        if not seen:
            return f"{scenario}: the flaw {flaw} changes no answer that it asks for."
        shown = ", ".join(
            f"{name} {status.value} {tried.reasons.get(name, '')}".strip()
            for name, status in seen.items()
        )
        return f"{scenario} does not detect the flaw {flaw}: {shown}."

    def _crowd(self, scenario: str, flaws: list[str], chosen: set[str]) -> list[str]:
        """Demand one flaw of which the scenario is among few victims."""
        if not flaws or not set(flaws) <= chosen & set(self.tried):
            return []
        fewest = min(len(self.victims(flaw)) for flaw in flaws)
        if fewest <= FEW:
            return []
        return [f"{scenario} is never among few victims: at least {fewest} fail."]

    def _idle(self, instance: Instance, chosen: set[str]) -> list[str]:
        """Demand that each instance fails under a flaw of its scenario."""
        flaws = instance.scenario.flaws
        if not set(flaws) <= chosen & set(self.tried):
            return []
        if any(
            self.tried[flaw].statuses.get(instance.id) in DETECTED for flaw in flaws
        ):
            return []
        return [f"{instance.id} fails under none of its flaws: {', '.join(flaws)}."]

    def collateral(self) -> dict[str, dict[str, list[str]]]:
        """Return, by flaw, who else fails and whose control is taken away.

        Only for flaws that a scenario is there for: `--full` tries others as well.
        """
        found: dict[str, dict[str, list[str]]] = {}
        for flaw, tried in sorted(self.tried.items()):
            if flaw not in self.named:
                continue
            own = {i.id for i in self.instances if flaw in i.scenario.flaws}
            rows = {
                "fails": self._ids(tried.statuses, DETECTED, own),
                "inconclusive": self._ids(tried.statuses, BROKEN, set()),
            }
            found[flaw] = {name: ids for name, ids in rows.items() if ids}
        return {flaw: rows for flaw, rows in found.items() if rows}

    @staticmethod
    def _ids(
        statuses: Mapping[str, Status], wanted: frozenset[Status], own: set[str]
    ) -> list[str]:
        return sorted(
            name
            for name, status in statuses.items()
            if status in wanted and name not in own
        )

    def errors(self) -> list[str]:
        """Return what went wrong on our own side."""
        return [
            f"{name} under {flaw}: {tried.reasons.get(name, 'error')}"
            for flaw, tried in sorted(self.tried.items())
            for name, status in tried.statuses.items()
            if status is Status.ERROR
        ]


def read_collateral(file: Path) -> dict[str, Any]:
    """Return the reviewed file, {} when there is none."""
    if not file.exists():
        return {}
    value: dict[str, Any] = json.loads(file.read_text("utf-8"))["collateral"]
    return value


def write_collateral(file: Path, collateral: Mapping[str, Any]) -> None:
    """Write the reviewed file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"collateral": collateral}, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", "utf-8")


def differences(
    reviewed: Mapping[str, Any], now: Mapping[str, Any], flaws: Iterable[str]
) -> list[str]:
    """Return how the collateral differs from the reviewed file, for these flaws."""
    found = []
    for flaw in sorted(flaws):
        old, new = reviewed.get(flaw, {}), now.get(flaw, {})
        for kind in ("fails", "inconclusive"):
            before, after = set(old.get(kind, [])), set(new.get(kind, []))
            found += [f"{flaw}: {name} now {kind}" for name in sorted(after - before)]
            found += [
                f"{flaw}: {name} no longer {kind}" for name in sorted(before - after)
            ]
    return found


def without(collateral: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the collateral without some instances."""
    kept = {
        flaw: {kind: [i for i in ids if i not in names] for kind, ids in rows.items()}
        for flaw, rows in collateral.items()
    }
    return {
        flaw: {kind: ids for kind, ids in rows.items() if ids}
        for flaw, rows in kept.items()
        if any(rows.values())
    }
