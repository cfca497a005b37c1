"""The person in front of the browser that a client opens: goes along with everything.

The page of our authorization server sends the browser back at once; the browser
follows to the client's redirect URI, on loopback or on https.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cimd_conformance.flows.agent_host._stage import BROWSER, Stage
from cimd_testbed.core import split_url
from cimd_testbed.net import (
    ForbiddenAddressError,
    Headers,
    HttpClient,
    HttpError,
    Response,
)

MAX_STEPS = 6
RELOADS = 50
"""How often a client's redirect URI is tried at which nobody listens yet."""
_BETWEEN = 0.1
"""Seconds between two of them."""
REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS: Headers = (
    ("User-Agent", BROWSER),
    ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
    ("Sec-Fetch-Mode", "navigate"),
)


@dataclass(slots=True)
class PlayedBrowser:
    """Opens what one client wants opened, each URL once."""

    http: HttpClient
    stage: Stage
    ours: Callable[[str], bool]
    """Whether a host is one of the scenario's own."""
    on_callback: Callable[[str, Response | None, bool], str | None]
    """Hears of each visit of a place that is not ours, the client's redirect URI: its
    answer, and whether the request arrived; may say where to go then."""
    _seen: set[str] = field(default_factory=set)
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    def open(self, url: str) -> None:
        """Open a URL, as a program would that hands it to a browser."""
        if url in self._seen:
            return
        self._seen.add(url)
        self.stage.opened(url)
        if split_url(url).scheme in ("http", "https"):
            visit = asyncio.create_task(self._visit(url), name="browser")
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)

    async def close(self, seconds: float = 1.0) -> None:
        """Close the window; what is loading gets a moment to arrive."""
        if self._visits:
            await asyncio.wait(self._visits, timeout=seconds)
        for visit in list(self._visits):
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _get(self, url: str) -> Response:
        return await self.http.request("GET", url, _HEADERS)

    async def _reload(self, url: str) -> Response:
        """Visit a client that opens the browser first and its redirect URI then.

        With a person before the browser that goes well; ours comes back at once.
        """
        for _ in range(RELOADS):
            try:
                return await self._get(url)
            except ConnectionRefusedError:
                await asyncio.sleep(_BETWEEN)
        return await self._get(url)

    async def _visit(self, url: str) -> None:
        for _ in range(MAX_STEPS):
            host = (split_url(url).authority or "").rpartition("@")[2]
            ours = self.ours(host)
            response: Response | None = None
            arrived = True
            try:
                response = await (self._get(url) if ours else self._reload(url))
            except HttpError:
                arrived = not ours  # a client may read its callback and hang up
            except (OSError, TimeoutError, ValueError, ForbiddenAddressError):
                arrived = False
            if ours and not arrived:
                self.stage.events.append("astray")
            if not ours:
                then = self.on_callback(url, response, arrived)
                if then is not None:
                    url = then
                    continue
            location = response.header("location") if response is not None else None
            if response is None or response.status not in REDIRECTS or not location:
                return
            url = location
