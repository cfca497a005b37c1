"""A client in the hands of a person: a page lists one URL for each errand.

The person connects their client to each; we judge from our side alone. An errand ends
when its tool was called, or when nothing has happened for a while after it began.
"""

from __future__ import annotations

import asyncio
import html
from dataclasses import dataclass, field
from typing import Self

from cimd_conformance.engine._process import OnLine, Placed
from cimd_conformance.flows.agent_host import Ended, Ending, Errand
from cimd_conformance.model import TO_THE_PERSON
from cimd_testbed.net import (
    LOOPBACK,
    ContactLog,
    LoopbackNetwork,
    Request,
    Response,
    Service,
)

_TICK = 0.1
_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>cimd-conformance: connect your client</title>
<style>body{{font:16px/1.5 sans-serif;margin:2em}}td{{padding:.2em 1em .2em 0}}</style>
<h1>Connect your client to each of these</h1>
<p>Call the tool <code>whoami</code>, or see it fail. {waiting} to do, {done} done.</p>
<table>{rows}</table>
"""


@dataclass(slots=True)
class AttendedDriver:
    """Lists the errands on a page of its own, on loopback."""

    placed: Placed
    on_line: OnLine
    _errands: dict[str, tuple[Errand, str]] = field(default_factory=dict)
    _network: LoopbackNetwork = field(default_factory=LoopbackNetwork)

    async def __aenter__(self) -> Self:
        """Open the page."""
        service = Service(self._page, None, ContactLog())
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
        self._errands[errand.label] = (errand, "to do")
        self._say(f"connect to {errand.server_url}")
        loop = asyncio.get_running_loop()
        seen, changed_at = 0, loop.time()
        deadline = loop.time() + client.seconds
        while loop.time() < deadline:
            await asyncio.sleep(_TICK)
            events, calls = errand.progress()
            if calls >= errand.calls:
                return self._ended(errand, Ending.EXITED, "the tool was called")
            if events != seen:
                seen, changed_at = events, loop.time()
            elif seen and loop.time() - changed_at > client.quiet:
                detail = f"nothing happened for {client.quiet:g} s"
                return self._ended(errand, Ending.EXITED, detail)
        return self._ended(errand, Ending.HUNG, "nobody connected in time")

    def _say(self, text: str) -> None:
        self.on_line(TO_THE_PERSON + text)

    def _ended(self, errand: Errand, ending: Ending, detail: str) -> Ended:
        self._errands[errand.label] = (errand, detail)
        return Ended(ending, detail.startswith("the tool"), detail)

    async def _page(self, request: Request) -> Response:
        if request.path != "/":
            return Response(404)
        rows = "".join(
            f"<tr><td><code>{html.escape(errand.server_url)}</code>"
            f"<td>{html.escape(state)}"
            for errand, state in self._errands.values()
        )
        waiting = sum(state == "to do" for _, state in self._errands.values())
        done = len(self._errands) - waiting
        text = _PAGE.format(rows=rows, waiting=waiting, done=done)
        kind = (("Content-Type", "text/html; charset=utf-8"),)
        return Response(200, kind, text.encode())
