"""What a rule found, before and after a profile has graded it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cimd_conformance.catalogue import Profile, load_requirements
from cimd_conformance.model import Level


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong."""

    requirement: str
    at: str
    """Where: a member, or a path such as `jwks.keys[0].d`; empty for the whole."""
    what: str
    """A full sentence."""
    fix: str
    """What to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with its level in a profile and its clause."""

    level: Level | None
    """None: the profile does not demand it."""
    requirement: str
    at: str
    what: str
    fix: str
    clause: str
    """The requirement in words, with its source."""

    @property
    def grave(self) -> bool:
        """Whether a MUST is violated."""
        return self.level is Level.MUST


def graded(found: Iterable[Wrong], profile: Profile) -> Iterator[Finding]:
    """Give each thing the level that the profile has for it."""
    requirements = load_requirements()
    for wrong in found:
        clause = requirements[wrong.requirement]
        yield Finding(
            profile.levels.get(wrong.requirement),
            wrong.requirement,
            wrong.at,
            wrong.what,
            wrong.fix,
            f"{clause.requirement} ({clause.source})",
        )
