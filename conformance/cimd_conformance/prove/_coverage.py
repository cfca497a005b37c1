"""What the suite covers: requirements and attacks, computed from the proof.

An id is covered when a scenario asks for it, and a flaw that this scenario is there for
makes that very expectation fail. What is not covered is explained, or open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from cimd_conformance.catalogue import (
    Attack,
    Instance,
    Requirement,
    catalogue_dir,
    load_attacks,
    load_requirements,
    read_toml,
)
from cimd_conformance.model import ConfigError, FlawTried
from cimd_conformance.prove._parts import illegal_parts

State = Literal["covered", "explained", "open"]
Proven = dict[str, list[str]]
"""By requirement, the scenarios in which a flaw made it fail."""


class Unexamined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requirements or attacks that no scenario asks about, and why."""

    ids: list[str]
    why: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    requirement: list[Unexamined] = []
    attack: list[Unexamined] = []


@dataclass(frozen=True, slots=True)
class Covered:
    """One requirement or attack, and what is known about it."""

    id: str
    kind: Literal["requirement", "attack"]
    role: str
    group: str
    """The priority of a requirement, the severity of an attack."""
    state: State
    scenarios: tuple[str, ...]
    why: str = ""
    """Why it is not covered, where somebody said it."""


def coverage_file() -> Path:
    """Return where the reviewed coverage is."""
    return catalogue_dir() / "_proof" / "coverage.json"


def unexamined_file() -> Path:
    """Return where it is explained what is not covered."""
    return catalogue_dir() / "_proof" / "unexamined.toml"


def proven_requirements(
    instances: Iterable[Instance], tried: Mapping[str, FlawTried]
) -> Proven:
    """Return which requirements fail under a flaw of the scenario that asks."""
    scenarios = {i.scenario.id: i.scenario for i in instances}
    illegal = illegal_parts(instances, tried.values())
    found: dict[str, set[str]] = {}
    for (name, number, _part), flaws in illegal.items():
        scenario = scenarios[name]
        if flaws & set(scenario.flaws):
            for requirement in _requirements(name, number, instances):
                found.setdefault(requirement, set()).add(name)
    return {name: sorted(where) for name, where in sorted(found.items())}


def _requirements(name: str, number: int, instances: Iterable[Instance]) -> set[str]:
    """Return what an expectation asks: rows of a family may name different ones."""
    return {
        i.scenario.expect[number - 1].requirement
        for i in instances
        if i.scenario.id == name
    }


def read_proven(file: Path) -> Proven:
    """Return the reviewed file, {} when there is none."""
    if not file.exists():
        return {}
    value: Proven = json.loads(file.read_text("utf-8"))["proven"]
    return value


def write_proven(file: Path, proven: Proven) -> None:
    """Write the reviewed file."""
    text = json.dumps({"proven": proven}, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", "utf-8")


def coverage_differences(reviewed: Proven, now: Proven) -> list[str]:
    """Return how the coverage differs from the reviewed file."""
    found = []
    for name in sorted(set(reviewed) | set(now)):
        before, after = set(reviewed.get(name, [])), set(now.get(name, []))
        found += [f"{name}: now proven by {one}" for one in sorted(after - before)]
        found += [
            f"{name}: no longer proven by {one}" for one in sorted(before - after)
        ]
    return found


def coverage(
    instances: Iterable[Instance], proven: Proven, unexamined: Path
) -> list[Covered]:
    """Return the state of every requirement and attack.

    Raises `ConfigError` for an explanation of what is covered, or does not exist.
    """
    said = read_toml(unexamined, _File)[0] if unexamined.exists() else _File()
    by_attack: dict[str, set[str]] = {}
    good = {name for names in proven.values() for name in names}
    for instance in instances:
        if instance.scenario.id in good:
            for attack in instance.scenario.attacks:
                by_attack.setdefault(attack, set()).add(instance.scenario.id)
    requirements, attacks = load_requirements(), load_attacks()
    why = _reasons(said.requirement, requirements, proven, unexamined)
    why_not = _reasons(said.attack, attacks, by_attack, unexamined)
    for name, requirement in requirements.items():
        reason = requirement.untestable_reason or ""
        if reason and not reason.startswith("partly"):
            why.setdefault(name, reason)
    found = [_requirement(r, proven, why) for r in requirements.values()]
    return found + [_attack(a, by_attack, why_not) for a in attacks.values()]


def _state(scenarios: Iterable[str], why: str) -> State:
    if scenarios:
        return "covered"
    return "explained" if why else "open"


def _requirement(one: Requirement, proven: Proven, why: Mapping[str, str]) -> Covered:
    scenarios, reason = tuple(proven.get(one.id, [])), why.get(one.id, "")
    state = _state(scenarios, reason)
    group = one.priority
    return Covered(one.id, "requirement", one.role, group, state, scenarios, reason)


def _attack(
    one: Attack, by_attack: Mapping[str, set[str]], why: Mapping[str, str]
) -> Covered:
    scenarios, reason = tuple(sorted(by_attack.get(one.id, ()))), why.get(one.id, "")
    state = _state(scenarios, reason)
    return Covered(one.id, "attack", one.role, one.severity, state, scenarios, reason)


def _reasons(
    said: Iterable[Unexamined],
    known: Mapping[str, object],
    covered: Mapping[str, object],
    file: Path,
) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in said:
        for name in entry.ids:
            problem = ""
            if name not in known:
                problem = "is not in the catalogue"
            elif name in covered:
                problem = "is covered by now: the entry has to go"
            elif name in found:
                problem = "is explained twice"
            if problem:
                message = f"{file}: {name!r} {problem}."
                raise ConfigError("unexamined", message, "Mend the entry.")
            found[name] = entry.why
    return found
