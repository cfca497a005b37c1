"""Answers on their way out: each goes to the connection that its request came by."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field

from cimd_testbed.core import JsonObject
from cimd_testbed.net import Response
from cimd_testbed.reference.tool_server._checks import ToolServerChecks

Work = Coroutine[None, None, Response]


@dataclass(slots=True)
class Outbox:
    """Knows which connection waits for which answer, as every transport has to."""

    checks: ToolServerChecks
    _waiting: dict[str, asyncio.Future[Response]] = field(default_factory=dict)
    _work: set[asyncio.Task[None]] = field(default_factory=set)
    _connections: Iterator[int] = field(default_factory=itertools.count)

    async def through(self, message: JsonObject | None, work: Work) -> Response:
        """Have a request answered, and wait for what is sent to its connection."""
        if message is None or "id" not in message:
            return await work
        connection, identifier = str(next(self._connections)), str(message["id"])
        key = self.checks.answer_key(connection, identifier)
        waiting: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[key] = waiting
        task = asyncio.create_task(self._send(key, work), name="answer")
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return await waiting

    async def _send(self, key: str, work: Work) -> None:
        """Give an answer to whoever waits for it, if anybody still does."""
        try:
            answer = await work
        except Exception:  # noqa: BLE001 - whatever went wrong, the caller is told
            answer = Response(500)
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def close(self) -> None:
        """End what is still being worked on, and what waits in vain."""
        for task in self._work:
            task.cancel()
        for waiting in self._waiting.values():
            waiting.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
