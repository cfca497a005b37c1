"""Logos: fetched under the same guard, shown from our own origin.

CIMD-03 Section 9.8.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cimd_testbed.core import Clock, image_type
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    demand_fetched,
)
from cimd_testbed.reference.authorization_server._fetch import Fetcher
from cimd_testbed.reference.authorization_server._settings import Settings
from cimd_testbed.reference.authorization_server._store import Bounded


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was judged harmless."""

    body: bytes
    media_type: str
    fetched_at: float
    lifetime: float


@dataclass(slots=True)
class Logos:
    """Own copies of the pictures that documents name."""

    settings: Settings
    checks: Checks
    clock: Clock
    fetcher: Fetcher
    _copies: Bounded[str, Logo] = field(default_factory=lambda: Bounded(256))

    def get(self, name: str) -> Logo | None:
        """Return a copy by its name."""
        return self._copies.get(name)

    async def copy(self, logo_uri: str) -> str | None:
        """Return the name of our copy, fetched when needed; None when there is none."""
        name = hashlib.sha256(logo_uri.encode()).hexdigest()[:32]
        known = self._copies.get(name)
        now = self.clock.now()
        if known and self.checks.still_fresh(known.fetched_at, known.lifetime, now):
            return name
        try:
            self._copies.put(name, await self._fetch(logo_uri))
        except FetchError:
            return None
        return name

    async def _fetch(self, logo_uri: str) -> Logo:
        checks = self.checks
        demand_fetched(checks.fetch_url(logo_uri))
        cap = self.settings.limits.logo_bytes
        fetched = await self.fetcher.fetch(
            logo_uri, checks.logo_addresses, cap, "image/png, image/jpeg, image/gif"
        )
        response = fetched.response
        demand_fetched(checks.fetch_status(response.status))
        demand_fetched(checks.logo_content(response.body, response.truncated))
        kind = image_type(response.body) or "application/octet-stream"
        lifetime = checks.freshness(response.headers, self.settings.cache)
        return Logo(response.body, kind, self.clock.now(), lifetime)
