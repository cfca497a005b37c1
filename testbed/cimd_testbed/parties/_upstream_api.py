"""An API behind a tool server: it answers everything, and keeps what it was asked."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cimd_testbed.core import split_url
from cimd_testbed.net import Request, Response, json_response
from cimd_testbed.parties._web import Web

_KEPT = 1000


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

    def open(self, web: Web) -> None:
        """Answer for the whole origin."""
        host = split_url(self.origin).authority or ""
        web.open_site(host, self.answer)

    async def answer(self, request: Request) -> Response:
        """Answer with an empty object."""
        self.seen.append(request)
        self.asked += 1
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
