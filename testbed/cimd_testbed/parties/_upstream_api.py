"""An API behind a tool server: it answers everything, and keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from cimd_testbed.core import split_url
from cimd_testbed.net import Request, Response, json_response
from cimd_testbed.parties._web import Web

_KEPT = 1000


@dataclass(slots=True)
class Gate:
    """Makes requests wait in the order in which they come, until each may go on."""

    _held: list[asyncio.Event] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)
    _open: bool = False

    async def hold(self) -> None:
        """Wait until this request may go on."""
        if self._open:
            return
        go_on = asyncio.Event()
        async with self._came:
            self._held.append(go_on)
            self._came.notify_all()
        await go_on.wait()

    async def until(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with self._came:
            await self._came.wait_for(lambda: len(self._held) >= count)

    def release_first(self) -> None:
        """Let the first one go on, and whatever comes from now on."""
        self._open = True
        self._held[0].set()

    def release(self) -> None:
        """Let everything go on."""
        self._open = True
        for one in self._held:
            one.set()


@dataclass(slots=True)
class UpstreamApi:
    """Whoever a tool server turns to with a credential of its own.

    A token of the client must never arrive here (MCP, "Access Token Privilege
    Restriction").
    """

    origin: str
    seen: deque[Request] = field(default_factory=lambda: deque(maxlen=_KEPT))
    asked: int = 0
    """How many requests there ever were."""
    gate: Gate | None = None
    """What makes requests wait, while a scenario wants that."""

    def open(self, web: Web) -> None:
        """Answer for the whole origin."""
        host = split_url(self.origin).authority or ""
        web.open_site(host, self.answer)

    async def answer(self, request: Request) -> Response:
        """Answer with an empty object."""
        self.seen.append(request)
        self.asked += 1
        if self.gate is not None:
            await self.gate.hold()
        return json_response({})

    def has_seen(self, secret: str) -> bool:
        """Whether a secret was in the URL, the headers or the body of a request."""
        data = secret.encode()
        return any(
            secret in request.target
            or any(secret in value for _, value in request.headers)
            or data in request.body
            for request in self.seen
        )
