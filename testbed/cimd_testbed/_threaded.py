"""The testbed for code without an event loop, or with one of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from cimd_testbed._testbed import Testbed

_Value = TypeVar("_Value")


class ThreadedTestbed(Testbed):
    """A testbed whose servers run in a thread, with an event loop of their own.

    Entered with `with`; takes what `Testbed` takes.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        """Start the thread and the servers; raises what starting them raises."""
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=asyncio.run,
            args=(self._live(started),),
            name="cimd-testbed",
            daemon=True,
        )
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self._thread.join()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the servers and wait until the thread has ended."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """Run a coroutine where the servers run, and return its result.

        For `agent_host.call_tool`, `browser().visit` and `http().request`. An async
        test hands it to a thread: `await asyncio.to_thread(bed.run, work)`.
        """
        if self._loop is None:
            work.close()
            raise RuntimeError("The testbed does not run.")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _live(self, started: Future[None]) -> None:
        try:
            await self.__aenter__()
        except BaseException as error:  # noqa: BLE001 - raised in the other thread
            started.set_exception(error)
            return
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        started.set_result(None)
        try:
            await self._stop.wait()
        finally:
            self._loop = None
            await self.__aexit__(None, None, None)
