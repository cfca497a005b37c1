"""The clock of an external target: whether it can be moved, and moving it.

That a target follows is seen by the `Date` of its answers. The requests that look for
it also let event loops notice timers that are due, before a scenario goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from cimd_conformance.engine._process import Placed
from cimd_conformance.flows import Advance
from cimd_conformance.model import ConfigError, Role, TargetError
from cimd_conformance.target import TargetFile
from cimd_testbed.net import FakeClock, HttpClient, HttpError, find_libfaketime

_TOLERANCE = 5.0
"""Seconds that a `Date` may differ: servers keep it for a second."""
_PATIENCE = 5.0
_TIMES = 2
"""Answers in a row that have to follow: timers fire after the first one."""

HttpFor = Callable[[str], HttpClient]


def clock_problem(target: TargetFile) -> str | None:
    """Return why the target's clock cannot be moved, None when that is to be tried.

    Raises `ConfigError` when the target file demands it and the library is missing.
    """
    server = target.server
    if target.role is Role.AGENT_HOST:
        return "the clock of a client is not moved"
    if server.clock == "none":
        return "the target file says so"
    if not server.start:
        return "the suite does not start this target"
    if find_libfaketime() is not None:
        return None
    if server.clock == "libfaketime":
        raise ConfigError(
            "libfaketime-missing",
            "The target file demands libfaketime, and it is not installed.",
            "Install it (Debian and Ubuntu: `apt install libfaketime`).",
        )
    return "libfaketime is not installed"


async def follow_clock(
    placed: Placed, origin: str, http_for: HttpFor
) -> Advance | None:
    """See that the target follows the run's clock; return what moves both.

    None where the run has no clock. Raises `TargetError` when the target does not
    follow, or when that cannot be seen.
    """
    clock = placed.clock
    if clock is None:
        return None
    taken_for_granted = placed.target.server.clock == "libfaketime"
    watch = _Watch(clock, origin + placed.target.server.ready, http_for)
    if not await watch.follows():
        if watch.shown is not None:
            raise _not_followed("the target does not follow libfaketime")
        if not taken_for_granted:
            raise _not_followed("the target's answers have no Date to see it by")

    async def advance(seconds: float) -> bool:
        clock.advance(seconds)
        return await watch.follows() or watch.shown is None

    return advance


def _not_followed(what: str) -> TargetError:
    return TargetError(
        "clock-not-followed",
        what,
        "Programs that ask the kernel for the time, as Go programs do, never follow. "
        'Say `server.clock = "none"`.',
    )


class _Watch:
    """Looks at the `Date` of a target's answers."""

    def __init__(self, clock: FakeClock, url: str, http_for: HttpFor) -> None:
        self._clock = clock
        self._url = url
        self._http_for = http_for
        self.shown: float | None = None
        """The last `Date`, None where there was none."""

    async def follows(self) -> bool:
        """Whether the target shows the clock's time, after some patience."""
        seen = 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        while seen < _TIMES:
            self.shown = await self._look()
            right = self.shown is not None and (
                abs(self.shown - self._clock.now()) < _TOLERANCE
            )
            seen = seen + 1 if right else 0
            if not right and (self.shown is None or loop.time() > deadline):
                return False
            if not right:
                await asyncio.sleep(0.1)
        return True

    async def _look(self) -> float | None:
        http = self._http_for("clock")
        try:
            response = await http.request("GET", self._url)
            text = next(v for k, v in response.headers if k.lower() == "date")
            return parsedate_to_datetime(text).timestamp()
        except (HttpError, OSError, TimeoutError, StopIteration, ValueError):
            return None
        finally:
            await http.close()
