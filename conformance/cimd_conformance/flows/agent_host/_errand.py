"""What a client is told to do, and how it ended: the seam to the drivers."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Errand:
    """Call a tool on one server; `open_url` is the browser that belongs to it."""

    label: str
    scenario: str
    """What `MCP_CONFORMANCE_SCENARIO` says: the flow's name, never the attack's."""
    server_url: str
    tool: str
    calls: int
    """How often the tool is to be called."""
    auth: str
    protocol: str
    open_url: Callable[[str], None]
    """Play the person: called with a URL that the client wants opened."""
    publish: Callable[[list[str]], str]
    """Publish a document with these redirect URIs; returns the `client_id`."""
    progress: Callable[[], tuple[int, int]]
    """How much was seen of the client so far, and how often the tool was called."""
    context: dict[str, Any] = field(default_factory=dict)
    """What `MCP_CONFORMANCE_CONTEXT` says besides."""


class Ending(enum.Enum):
    """How a client came to its end."""

    EXITED = "exited"
    """It ended by itself, or said that it was done."""
    HUNG = "hung"
    """It did neither in time."""
    CRASHED = "crashed"
    """A signal ended it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an errand; `good` is what the client says about it."""

    ending: Ending
    good: bool
    detail: str


class Driver(Protocol):
    """Makes the client under test do an errand."""

    async def connect(self, errand: Errand) -> Ended:
        """Return when the client has ended; raises `TargetError` when it cannot run."""
        ...
