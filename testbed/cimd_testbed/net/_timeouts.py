"""Time limits on a clock that is moved: so that nobody has to wait for one to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from cimd_testbed.core import ShiftedClock

TimeLimit = Callable[[float], AbstractAsyncContextManager[object]]
"""Raises `TimeoutError` inside after that many seconds, like `asyncio.timeout`."""


class ShiftedTimeouts:
    """`asyncio.timeout`, except that it also ends when the clock is moved past it."""

    def __init__(self, clock: ShiftedClock) -> None:
        self._clock = clock
        self._open: set[tuple[float, asyncio.Timeout]] = set()
        clock.moved.append(self._end)

    def _end(self) -> None:
        now, soon = self._clock.now(), asyncio.get_running_loop().time()
        for entry in [entry for entry in self._open if entry[0] <= now]:
            self._open.discard(entry)
            if not entry[1].expired():
                entry[1].reschedule(soon)

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Raise `TimeoutError` inside when the time is over, passed or moved."""
        async with asyncio.timeout(seconds) as timeout:
            entry = (self._clock.now() + seconds, timeout)
            self._open.add(entry)
            try:
                yield
            finally:
                self._open.discard(entry)


__all__ = ["ShiftedTimeouts", "TimeLimit"]
