"""Which flaws there are, in words, for those who may not know the flaws themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownFlaw:
    """A mistake that the bundled references can be made to have."""

    id: str
    role: str
    title: str


def known_flaws() -> dict[str, KnownFlaw]:
    """Return every flaw by its id."""
    from cimd_testbed.flaws import FLAWS  # noqa: PLC0415 - slow

    return {
        flaw.id: KnownFlaw(flaw.id, flaw.role, flaw.title) for flaw in FLAWS.values()
    }
