"""How our hosts answer the target: the tree that scenarios edit, made a response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.model import HarnessError
from cimd_testbed.net import Headers, Request, Response, Stream
from cimd_testbed.parties import (
    Delivery,
    Ending,
    Pace,
    Piece,
    compressed,
    deliver,
    endless_body,
    endless_head,
    in_chunks,
    silence,
    slow_body,
    slow_head,
)

PATIENT_MODES = frozenset({"slow", "slow-head", "silent"})
"""What takes as long as the target lets it."""
GRACE = 1.0
"""Seconds that an answer may go on after the target has gone on without it."""


def honest_tree(kind: str) -> dict[str, Any]:
    """Return the response as a server in good health gives it."""
    return {
        "status": 200,
        "headers": {
            "Content-Type": kind,
            "Cache-Control": "max-age=60",
        },
    }


def headers_of(tree: dict[str, Any]) -> Headers:
    """Return the headers; one whose value is an array is sent several times."""
    return tuple(
        (name, str(one))
        for name, value in tree["headers"].items()
        for one in (value if isinstance(value, list) else [value])
    )


def whole_answer(tree: dict[str, Any], body: bytes) -> Response:
    """Make the response that a tree and a body say, as one piece."""
    if "body" in tree:
        body = str(tree["body"]).encode()
    headers = headers_of(tree)
    if "coding" in tree:
        body = compressed(body, str(tree["coding"]))
        headers = (*headers, ("Content-Encoding", str(tree["coding"])))
    status = int(tree["status"])
    if status in (204, 304):  # such a response has no body (RFC 9110 section 6.4.1)
        return Response(status, (*headers, ("Connection", "close")))
    match tree.get("framing", "length"):
        case "length":
            return Response(status, headers, body)
        case "chunked":
            headers = (*headers, ("Transfer-Encoding", "chunked"))
            return Response(status, headers, in_chunks(body))
        case "close":
            return Response(status, headers, body, stream=lambda: _at_once(body))
        case other:
            raise HarnessError("framing", f"There is no framing {other!r}.")


async def _at_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


@dataclass(slots=True)
class Fetches:
    """What the target fetched of one kind: how often, the last request, its end."""

    count: int = 0
    request: Request | None = None
    watched: list[Delivery] = field(default_factory=list)
    """The answers whose end says something."""

    def note(self, request: Request) -> None:
        """Note a fetch."""
        self.count += 1
        self.request = request

    def message(self) -> dict[str, Any]:
        """Return what expectations can look at."""
        found: dict[str, Any] = {"count": self.count}
        if (request := self.request) is not None:
            found["method"], found["target"] = request.method, request.target
            found["headers"] = {name.lower(): value for name, value in request.headers}
            found["ended"] = Ending.COMPLETE.value
        if self.watched:
            worst = max(self.watched, key=lambda one: one.ended is Ending.BY_US)
            found["ended"] = (worst.ended or Ending.ABANDONED).value
            found["seconds"] = round(worst.seconds, 1)
            found["bytes"] = worst.sent
            found["note"] = f"after {worst.seconds:.1f} s, {worst.sent} bytes sent"
        return found

    async def settle(self) -> None:
        """Wait until every answer has ended."""
        for delivery in self.watched:
            await delivery.settle(GRACE)


@dataclass(frozen=True, slots=True)
class Manner:
    """In what time answers travel, and how long we are ready to go on."""

    pace: Pace
    patience: float

    def answer(
        self, tree: dict[str, Any], body: bytes, request: Request, fetches: Fetches
    ) -> Response:
        """Make the response, and note the fetch that it answers."""
        fetches.note(request)
        if tree.get("mode", "whole") == "whole":
            return whole_answer(tree, body)
        whole = whole_answer({**tree, "framing": "length"}, body)
        pieces = _pieces(tree, whole)
        delivery = Delivery()
        fetches.watched.append(delivery)

        async def take_over(stream: Stream) -> None:
            await deliver(stream, pieces, delivery, self.pace, self.patience)

        return Response(whole.status, whole.headers, whole.body, take_over=take_over)

    def say_nothing(self, fetches: Fetches) -> Callable[[Stream], Awaitable[None]]:
        """Return what takes a connection and never says a word."""

        async def keep(stream: Stream) -> None:
            delivery = Delivery()
            fetches.watched.append(delivery)
            await deliver(stream, silence(), delivery, self.pace, self.patience)

        return keep


def _pieces(tree: dict[str, Any], whole: Response) -> Iterator[Piece]:
    match tree["mode"]:
        case "slow":
            return slow_body(whole)
        case "slow-head":
            return slow_head(whole)
        case "silent":
            return silence()
        case "endless":
            return endless_body(whole, chunked=tree.get("framing") == "chunked")
        case "endless-head":
            return endless_head(whole)
        case other:
            raise HarnessError("mode", f"There is no mode {other!r}.")
