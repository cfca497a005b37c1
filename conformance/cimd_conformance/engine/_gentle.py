"""Going gently: flows begin no faster than the target bears, and wait if it says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from cimd_conformance.flows import FlowResult
from cimd_conformance.model import Outcome, Scenario


@dataclass(slots=True)
class Gate:
    """Lets one flow begin at a time, `pace` seconds apart."""

    pace: float
    _next: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def turn(self) -> None:
        """Wait until a flow may begin."""
        if not self.pace and not self._next:
            return
        loop = asyncio.get_running_loop()
        async with self._lock:
            # Held meanwhile, perhaps: so look again.
            while (wait := self._next - loop.time()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            self._next = loop.time() + self.pace

    def hold(self, seconds: float) -> None:
        """Let no flow begin for a while."""
        loop = asyncio.get_running_loop()
        self._next = max(self._next, loop.time() + seconds)


def asked_to_wait(result: FlowResult, scenario: Scenario | None) -> bool:
    """Whether the target limited the rate where that is no answer."""
    limited = Outcome.RATE_LIMITED
    expects = scenario.expect if scenario else []
    if any(limited.value in expect.outcome for expect in expects):
        return False
    ends = [result.outcome, *(end.outcome for end in result.steps)]
    return limited in ends
