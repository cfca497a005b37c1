"""A client in the hands of a person: a page lists one URL for each errand.

The person connects their client to each; we judge from our side alone. An errand ends
when its tool was called, or when nothing has happened for a while after it began.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

from cimd_conformance.engine._agent_page import AttendedPage, Row
from cimd_conformance.engine._process import OnLine, Placed
from cimd_conformance.flows.agent_host import Ended, Ending, Errand
from cimd_conformance.model import TO_THE_PERSON
from cimd_testbed.net import (
    LOOPBACK,
    ContactLog,
    LoopbackNetwork,
    Service,
)

_TICK = 0.1


@dataclass(slots=True)
class AttendedDriver:
    """Lists the errands on a page of its own, on loopback."""

    placed: Placed
    on_line: OnLine
    page: AttendedPage = field(default_factory=AttendedPage)
    _network: LoopbackNetwork = field(default_factory=LoopbackNetwork)

    async def __aenter__(self) -> Self:
        """Open the page."""
        service = Service(self.page.answer, None, ContactLog())
        await self._network.listen(LOOPBACK, 0, service)
        port = self._network.ports[0]
        self._say(f"open http://127.0.0.1:{port}/ in a browser")
        self._say(f"trust the CA {self.placed.names['ca_file']}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the page."""
        await self._network.close()

    async def connect(self, errand: Errand) -> Ended:
        """Wait for the person."""
        client = self.placed.target.client
        row = Row(errand.server_url, errand.tool, errand.progress)
        self.page.add(errand.label, row)
        self._say(f"connect to {errand.server_url}")
        loop = asyncio.get_running_loop()
        seen, changed_at = 0, loop.time()
        deadline = loop.time() + client.seconds
        while loop.time() < deadline:
            await asyncio.sleep(_TICK)
            events, calls = errand.progress()
            if calls >= errand.calls:
                return self._ended(row, Ending.EXITED, "the tool was called")
            if events != seen:
                seen, changed_at = events, loop.time()
            elif seen and loop.time() - changed_at > client.quiet:
                detail = f"nothing happened for {client.quiet:g} s"
                return self._ended(row, Ending.EXITED, detail)
        return self._ended(row, Ending.HUNG, "nobody connected in time")

    def _say(self, text: str) -> None:
        self.on_line(TO_THE_PERSON + text)

    @staticmethod
    def _ended(row: Row, ending: Ending, detail: str) -> Ended:
        row.ended = detail
        return Ended(ending, detail.startswith("the tool"), detail)
