"""The public keys of a client: from its document, or from its `jwks_uri`."""

from __future__ import annotations

from dataclasses import dataclass, field

from cimd_testbed.core import Clock, JsonObject, key_set, parse_json_object, refuse
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._documents import Clients
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    demand_fetched,
)
from cimd_testbed.reference.authorization_server._fetch import Fetcher
from cimd_testbed.reference.authorization_server._settings import Settings
from cimd_testbed.reference.authorization_server._store import Bounded

ACCEPT = "application/jwk-set+json, application/json"
_UNUSABLE = refuse("pkjwt-jwks-uri", "The keys of the client could not be used.")

Keys = tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
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

    async def candidates(
        self, client_id: str, document: JsonObject, header: JsonObject
    ) -> Keys:
        """Return the keys to try; asks again once when there is none (rotation)."""
        jwks_uri = document.text("jwks_uri")
        if jwks_uri is None:
            return await self._inline(client_id, document, header)
        entry = self._cache.get(jwks_uri)
        if entry is None or not self.checks.jwks_still_fresh(
            entry.fetched_at, entry.lifetime, self.clock.now()
        ):
            entry = await self._fetch(jwks_uri, entry)
            return self.checks.assertion_key(header, entry.keys)
        found = self.checks.assertion_key(header, entry.keys)
        if not found and self._may_refetch(entry.fetched_at):
            entry = await self._fetch(jwks_uri, entry)
            found = self.checks.assertion_key(header, entry.keys)
        return found

    async def _inline(
        self, client_id: str, document: JsonObject, header: JsonObject
    ) -> Keys:
        keys = key_set(document.get("jwks"))
        found = self.checks.assertion_key(header, keys)
        fetched_at = self.clients.fetched_at(client_id)
        if not found and fetched_at and self._may_refetch(fetched_at):
            document = await self.clients.refetch(client_id)
            new = key_set(document.get("jwks"))
            keys = self.checks.keys_after_refetch(keys, new)
            found = self.checks.assertion_key(header, keys)
        return found

    def _may_refetch(self, fetched_at: float) -> bool:
        brake = self.settings.unknown_kid_brake
        return self.checks.unknown_kid_refetch(fetched_at, self.clock.now(), brake)

    async def _fetch(self, jwks_uri: str, old: _Entry | None) -> _Entry:
        checks = self.checks
        cap = checks.read_cap(self.settings.limits.jwks_bytes)
        fetched = await self.fetcher.fetch(jwks_uri, checks.jwks_addresses, cap, ACCEPT)
        response = fetched.response
        demand_fetched(checks.fetch_status(response.status))
        demand_fetched(checks.read_complete(response.truncated))
        demand_fetched(checks.document_json(response.body))
        try:
            new = key_set(parse_json_object(response.body))
        except ValueError as error:
            raise FetchError(_UNUSABLE, answered=True) from error
        keys = checks.keys_after_refetch(old.keys if old else (), new)
        lifetime = checks.jwks_freshness(response.headers, self.settings.cache)
        entry = _Entry(keys, self.clock.now(), lifetime)
        self._cache.put(jwks_uri, entry)
        return entry
