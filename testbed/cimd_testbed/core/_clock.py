"""Time, injected: the only module of the testbed that reads the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds since the epoch."""

    def now(self) -> float:
        """Return the current time."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall time."""
        return time.time()


class ShiftedClock:
    """The machine's clock plus an offset that a scenario moves forward."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.moved: list[Callable[[], None]] = []
        """Called after each move."""

    def now(self) -> float:
        """Return the wall time plus the offset."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward; a clock never goes back."""
        if seconds < 0:
            raise ValueError("A clock only moves forward.")
        self.offset += seconds
        for listener in self.moved:
            listener()
