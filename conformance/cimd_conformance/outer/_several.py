"""Several inner processes for one run: each does its share of the plan.

The embedded reference shares nothing between scenarios but the control that they rest
on, so that a share is a set of controls with everything that rests on them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import msgspec

from cimd_conformance.model import AnyEvent, HarnessError, Job, RunFinished, RunStarted
from cimd_conformance.outer._process import InnerProcess

_READ_ON_SECONDS = 2.0
"""How long a process may go on after an error of another, before it is ended."""


class SeveralProcesses:
    """Looks like one inner process."""

    def __init__(self, job: Job) -> None:
        self._inners = [
            InnerProcess(msgspec.structs.replace(job, part=part))
            for part in range(job.parts)
        ]
        self._open = ExitStack()
        self._takers: list[threading.Thread] = []
        self._queue: queue.Queue[AnyEvent | HarnessError | None] = queue.Queue()

    def events(self) -> Iterator[AnyEvent]:
        """Yield the events of all, with one header and one footer.

        Raises `HarnessError` for what one of them writes that is no event.
        """
        for inner in self._inners:
            taker = threading.Thread(target=self._take, args=(inner,), daemon=True)
            self._takers.append(taker)
            taker.start()
        running, begun = len(self._inners), False
        ends: list[RunFinished] = []
        while running:
            match self._queue.get():
                case None:
                    running -= 1
                case HarnessError() as error:
                    raise error
                case RunStarted() as started:
                    if not begun:
                        yield started
                    begun = True
                case RunFinished() as finished:
                    ends.append(finished)
                    if "error" in finished.details:
                        break
                case event:
                    yield event
        if len(ends) == len(self._inners) or any("error" in e.details for e in ends):
            yield merged(ends)

    def _take(self, inner: InnerProcess) -> None:
        try:
            for event in inner.events():
                self._queue.put(event)
        except HarnessError as error:
            self._queue.put(error)
        finally:
            self._queue.put(None)

    def ask_to_stop(self) -> None:
        """Ask all for a graceful end."""
        for inner in self._inners:
            inner.ask_to_stop()

    def kill(self) -> None:
        """End all at once."""
        for inner in self._inners:
            inner.kill()

    def wait(self) -> int:
        """Wait for all; return the exit code of the first that went wrong."""
        return next((code for code in [i.wait() for i in self._inners] if code), 0)

    def stderr_tail(self) -> list[str]:
        """Return the last lines that the processes wrote to stderr."""
        return [line for inner in self._inners for line in inner.stderr_tail()]

    def enter_command(self) -> str:
        """Return nothing: there is no lab to enter."""
        return ""

    def __enter__(self) -> Self:
        for inner in self._inners:
            self._open.enter_context(inner)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        self._end_takers()
        self._open.__exit__(kind, error, trace)

    def _end_takers(self) -> None:
        """Let nobody read from a pipe that is about to be closed."""
        for taker in self._takers:
            taker.join(_READ_ON_SECONDS)
        if any(taker.is_alive() for taker in self._takers):
            self.kill()
        for taker in self._takers:
            taker.join()


def merged(ends: list[RunFinished]) -> RunFinished:
    """Return one footer; an error of one part is the error of the run."""
    worst = max(ends, key=lambda end: ("error" in end.details, end.exit_code))
    counts: dict[str, int] = {}
    for end in ends:
        for status, count in end.counts.items():
            counts[status] = counts.get(status, 0) + count
    return msgspec.structs.replace(
        worst,
        at=max(end.at for end in ends),
        seconds=max(end.seconds for end in ends),
        counts=counts,
        interrupted=any(end.interrupted for end in ends),
    )
