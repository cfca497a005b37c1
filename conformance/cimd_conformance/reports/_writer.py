"""What a writer is."""

from __future__ import annotations

from typing import Protocol

from cimd_conformance.model import AnyEvent


class Writer(Protocol):
    """Turns the stream of events into one report.

    `OSError` from either method (a full disk, a closed pipe) ends this writer only.
    """

    def event(self, event: AnyEvent) -> None:
        """Take the next event: `RunStarted` is the first, `RunFinished` the last."""
        ...

    def finish(self) -> None:
        """Complete the report; nothing follows."""
        ...
