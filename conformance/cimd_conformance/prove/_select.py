"""Which pairs of flaw and scenario can differ: where the replaced check ran.

Checks are pure functions of immutable arguments. The honest run records every call; a
flaw whose function answers all recorded calls of a scenario and of its control in the
same way provably changes nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.catalogue import Instance
from cimd_testbed.core import Decision

Call = tuple[tuple[Any, ...], object]


@dataclass(slots=True)
class Recording:
    """Calls by label (a scenario instance or a control) and check."""

    calls: dict[tuple[str, str], list[Call]] = field(default_factory=dict)

    def add(self, label: str, check: str, args: tuple[Any, ...], got: object) -> None:
        """Take one call in."""
        self.calls.setdefault((label, check), []).append((args, got))

    def differs(
        self, labels: Iterable[str], check: str, replacement: Callable[..., object]
    ) -> bool:
        """Whether the replacement answers any recorded call otherwise."""
        return any(
            not _same(_ask(replacement, args), got)
            for label in labels
            for args, got in self.calls.get((label, check), ())
        )

    def affected(
        self,
        instances: Iterable[Instance],
        check: str,
        replacement: Callable[..., object],
    ) -> list[Instance]:
        """Return the instances that a flaw can make a difference to."""
        return [
            instance
            for instance in instances
            if self.differs((instance.id, instance.control), check, replacement)
        ]


def _ask(replacement: Callable[..., object], args: tuple[Any, ...]) -> object:
    try:
        return replacement(*args)
    except Exception as error:  # noqa: BLE001 - a flaw that raises differs, too
        return error


def _same(one: object, other: object) -> bool:
    if isinstance(one, Decision) and isinstance(other, Decision):
        return one.verdict is other.verdict
    return type(one) is type(other) and one == other
