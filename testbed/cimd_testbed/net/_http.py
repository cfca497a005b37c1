"""HTTP messages as values: what the parties and the reference roles exchange."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from cimd_testbed.net._contacts import Arrival
from cimd_testbed.net._dialer import Stream

Headers = tuple[tuple[str, str], ...]
Params = list[tuple[str, str]]


def find_header(headers: Headers, name: str) -> str | None:
    """Return the first header of that name, compared without regard to case."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


def parse_params(encoded: str) -> Params:
    """Decode `application/x-www-form-urlencoded`, keeping order and repetitions."""
    return parse_qsl(encoded, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived; `target` is the request target byte for byte."""

    method: str
    target: str
    headers: Headers
    body: bytes
    arrival: Arrival

    def header(self, name: str) -> str | None:
        """Return the first header of that name, or None."""
        return find_header(self.headers, name)

    @property
    def path(self) -> str:
        """The request target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> Params:
        """The parameters of the query."""
        return parse_params(self.target.partition("?")[2])

    @property
    def form(self) -> Params:
        """The parameters of a form body; empty for any other content type."""
        kind = (self.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return []
        return parse_params(self.body.decode("utf-8", "replace"))

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies sent along."""
        pairs = (self.header("cookie") or "").split(";")
        cut = (pair.strip().partition("=") for pair in pairs if "=" in pair)
        return {name: value for name, _, value in cut}

    @property
    def host(self) -> str:
        """The `Host` header as sent."""
        return self.header("host") or ""


@dataclass(frozen=True, slots=True)
class Response:
    """One response; `stream` stands in for `body` where pieces come slowly or for ever.

    A `Content-Length` is added unless the headers frame the body themselves.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    stream: Callable[[], AsyncIterator[bytes]] | None = field(default=None)
    truncated: bool = False
    """Set by the client: the body was longer than the cap, `body` is its beginning."""
    take_over: Callable[[Stream], Awaitable[None]] | None = field(default=None)
    """Where set, sends everything itself, the head included, and then it is over."""

    def header(self, name: str) -> str | None:
        """Return the first header of that name, or None."""
        return find_header(self.headers, name)

    def header_values(self, name: str) -> list[str]:
        """Return every header of that name, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")


Handler = Callable[[Request], Awaitable[Response]]


def json_response(
    value: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """Make a JSON response."""
    return Response(
        status,
        (("Content-Type", "application/json"), *headers),
        json.dumps(value, separators=(",", ":")).encode(),
    )


def redirect_response(
    location: str, status: int = 302, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """Make a redirect; `location` leaves as it is."""
    return Response(status, (("Location", location), *headers))
