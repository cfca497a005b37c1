"""The requirement catalogue, the attack list and the profiles."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec

from cimd_conformance.catalogue._find import catalogue_dir
from cimd_conformance.catalogue._toml import read_toml
from cimd_conformance.model import ConfigError, Level


class Requirement(msgspec.Struct, frozen=True):
    """One normative statement, in our words."""

    id: str
    role: str
    level: str
    source: str
    requirement: str
    priority: str
    fix: str = ""
    untestable_reason: str | None = None


class Attack(msgspec.Struct, frozen=True):
    """One attack of the corpus."""

    id: str
    family: str
    role: str
    title: str
    severity: str


class _Requirements(msgspec.Struct):
    requirements: list[Requirement]


class _Attacks(msgspec.Struct):
    attacks: list[Attack]


class _ProfileFile(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    title: str
    source: str
    levels: dict[Level, list[str]]
    includes: list[str] = []
    conflicts: dict[str, str] = {}


class Profile(msgspec.Struct, frozen=True):
    """A frozen mapping from requirement to level, for one text."""

    id: str
    title: str
    levels: dict[str, Level]
    conflicts: dict[str, str]
    """Requirements on which the texts disagree: both readings are legal."""


@functools.cache
def load_requirements() -> dict[str, Requirement]:
    """Return the catalogue by id."""
    data = (catalogue_dir() / "_requirements" / "requirements.json").read_bytes()
    found = msgspec.json.decode(data, type=_Requirements).requirements
    return {requirement.id: requirement for requirement in found}


@functools.cache
def load_attacks() -> dict[str, Attack]:
    """Return the attacks of the corpus by id."""
    data = (catalogue_dir() / "_attacks" / "attacks.json").read_bytes()
    found = msgspec.json.decode(data, type=_Attacks).attacks
    return {attack.id: attack for attack in found}


def profile_names() -> list[str]:
    """Return the ids of the profiles."""
    return sorted(path.stem for path in (catalogue_dir() / "_profiles").glob("*.toml"))


def load_profile(name: str) -> Profile:
    """Return a profile with everything it includes.

    Its own levels win; between two included profiles the stricter one does.
    Raises `ConfigError` for an unknown name.
    """
    if name not in profile_names():
        raise ConfigError(
            "unknown-profile",
            f"There is no profile {name!r}.",
            "allowed: " + ", ".join(profile_names()),
        )
    return _merged(catalogue_dir() / "_profiles" / f"{name}.toml")


def _merged(file: Path) -> Profile:
    own, _ = read_toml(file, _ProfileFile)
    levels: dict[str, Level] = {}
    conflicts: dict[str, str] = {}
    for name in own.includes:
        included = _merged(file.parent / f"{name}.toml")
        for requirement, level in included.levels.items():
            levels[requirement] = min(
                level, levels.get(requirement, level), key=list(Level).index
            )
        conflicts.update(included.conflicts)
    for level, ids in own.levels.items():
        levels.update(dict.fromkeys(ids, level))
    listed = {requirement for ids in own.levels.values() for requirement in ids}
    conflicts = {
        requirement: text
        for requirement, text in conflicts.items()
        if requirement not in listed
    } | own.conflicts
    return Profile(own.id, own.title, levels, conflicts)
