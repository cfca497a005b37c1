"""What Ctrl-C and SIGTERM do to a run."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Protocol, Self

_PATIENCE_SECONDS = 10.0


class Stoppable(Protocol):
    """What the signals act on."""

    def ask_to_stop(self) -> None:
        """End gracefully."""
        ...

    def kill(self) -> None:
        """End at once."""
        ...


class StopSignals:
    """The first signal asks for a graceful end, the second kills, a third gives up.

    The handlers act themselves, so that they also work while a writer waits for a
    terminal or a pipe. Signals that the caller has set to be ignored stay ignored.
    """

    def __init__(self, target: Stoppable, patience: float = _PATIENCE_SECONDS) -> None:
        self._target = target
        self._patience = patience
        self._timer: threading.Timer | None = None
        self._before: dict[int, Any] = {}
        self.received: list[int] = []

    @property
    def stopped(self) -> bool:
        """Whether anybody has asked for the end."""
        return bool(self.received)

    @property
    def ctrl_c(self) -> bool:
        """Whether it was the person at the keyboard."""
        return signal.SIGINT in self.received

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)
        if len(self.received) == 1:
            self._target.ask_to_stop()
            self._timer = threading.Timer(self._patience, self._target.kill)
            self._timer.daemon = True
            self._timer.start()
            if number == signal.SIGINT:
                _say("\nStopping, results are kept; Ctrl-C again stops at once.\n")
        elif len(self.received) == 2:
            self._target.kill()
        else:
            raise KeyboardInterrupt


def _say(text: str) -> None:
    """Write past Python's buffers: a handler may interrupt a write to them."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())
