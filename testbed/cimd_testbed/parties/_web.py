"""Everything the parties publish: documents, key sets, callbacks, canaries.

A page is known by its path, which is unique in a run, and is served at whatever host
and address it is asked for: so a canary on a forbidden address answers with a *valid*
document, and a missing guard ends in a code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cimd_testbed.net import Request, Response

Responder = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Web:
    """The pages by path, or by `//host/path` where the path is everybody's."""

    pages: dict[str, Responder] = field(default_factory=dict)
    sites: dict[str, Responder] = field(default_factory=dict)
    """Whole origins, by the `Host` that they are asked for; they come first."""
    strays: list[Request] = field(default_factory=list)
    """Requests for paths that nobody published (the first thousand)."""

    def publish(self, path: str, responder: Responder) -> None:
        """Serve a page, replacing what the path had."""
        self.pages[path] = responder

    def withdraw(self, prefix: str) -> None:
        """Stop serving every page below a path."""
        for path in [path for path in self.pages if path.startswith(prefix)]:
            del self.pages[path]

    def open_site(self, host: str, responder: Responder) -> None:
        """Let one party answer everything that a host is asked."""
        self.sites[host.lower()] = responder

    def close_site(self, host: str) -> None:
        """Give a host back to the pages."""
        self.sites.pop(host.lower(), None)

    async def handle(self, request: Request) -> Response:
        """Answer a request to any host."""
        site = self.sites.get(request.host.lower())
        if site is not None:
            return await site(request)
        at_host = f"//{request.host.lower()}{request.path}"
        responder = self.pages.get(request.path) or self.pages.get(at_host)
        if responder is None:
            if len(self.strays) < 1000:
                self.strays.append(request)
            return Response(404, (("Content-Type", "text/plain"),), b"not here\n")
        return await responder(request)
