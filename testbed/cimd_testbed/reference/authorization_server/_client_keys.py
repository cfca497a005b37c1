"""The public keys of a client: from its document, or from its `jwks_uri`."""

from __future__ import annotations

from dataclasses import dataclass, field

from cimd_testbed.core import Clock, JsonObject, key_set
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._documents import Clients, readable
from cimd_testbed.reference.authorization_server._errors import demand_fetched
from cimd_testbed.reference.authorization_server._fetch import Fetcher
from cimd_testbed.reference.authorization_server._settings import Settings
from cimd_testbed.reference.authorization_server._store import Bounded

ACCEPT = "application/jwk-set+json, application/json"

Keys = tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key set and when it was fetched; a lifetime of 0 is never fresh."""

    keys: Keys
    fetched_at: float
    lifetime: float


@dataclass(slots=True)
class ClientKeys:
    """Finds the keys that an assertion's header points at."""

    settings: Settings
    checks: Checks
    clock: Clock
    fetcher: Fetcher
    clients: Clients
    _cache: Bounded[str, _Entry] = field(default_factory=lambda: Bounded(4096))
    _known: Bounded[str, Keys] = field(default_factory=lambda: Bounded(4096))

    async def candidates(
        self, client_id: str, document: JsonObject, header: JsonObject
    ) -> Keys:
        """Return the keys to try; asks again once when there is none (rotation)."""
        keys, fetched_at = await self._current(client_id, document)
        found = self.checks.assertion_key(header, keys)
        if found or not fetched_at or not self._may_refetch(fetched_at):
            return found
        keys = await self._refetch(client_id, document)
        return self.checks.assertion_key(header, keys)

    def _may_refetch(self, fetched_at: float) -> bool:
        brake = self.settings.unknown_kid_brake
        return self.checks.unknown_kid_refetch(fetched_at, self.clock.now(), brake)

    async def _current(
        self, client_id: str, document: JsonObject
    ) -> tuple[Keys, float]:
        """Return the client's keys and when they were fetched (0: not by us)."""
        jwks_uri = document.text("jwks_uri")
        if jwks_uri is None:
            keys = key_set(document.get("jwks"))
            return self._replace(client_id, keys), self.clients.fetched_at(client_id)
        entry = self._cache.get(jwks_uri)
        if entry is None or not self.checks.jwks_still_fresh(
            entry.fetched_at, entry.lifetime, self.clock.now()
        ):
            entry = await self._fetch(jwks_uri)
        return self._replace(client_id, entry.keys), entry.fetched_at

    async def _refetch(self, client_id: str, document: JsonObject) -> Keys:
        jwks_uri = document.text("jwks_uri")
        if jwks_uri is None:
            keys = key_set((await self.clients.refetch(client_id)).get("jwks"))
        else:
            keys = (await self._fetch(jwks_uri)).keys
        return self._replace(client_id, keys)

    def _replace(self, client_id: str, current: Keys) -> Keys:
        previous = self._known.get(client_id) or ()
        keys = self.checks.keys_that_count(previous, current)
        self._known.put(client_id, keys)
        return keys

    async def _fetch(self, jwks_uri: str) -> _Entry:
        checks = self.checks
        demand_fetched(checks.fetch_url(jwks_uri))
        cap = self.settings.limits.jwks_bytes
        fetched = await self.fetcher.fetch(jwks_uri, checks.jwks_addresses, cap, ACCEPT)
        response = fetched.response
        demand_fetched(checks.fetch_status(response.status))
        demand_fetched(checks.read_complete(response.truncated, len(response.body)))
        jwks = readable(checks, response)
        demand_fetched(checks.jwks_private_key(jwks))
        lifetime = checks.jwks_freshness(response.headers, self.settings.cache)
        entry = _Entry(key_set(jwks), self.clock.now(), lifetime)
        self._cache.put(jwks_uri, entry)
        return entry
