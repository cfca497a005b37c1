"""Clients: registered by the operator, or described by the document at their URL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from cimd_testbed.core import (
    Clock,
    Decision,
    JsonObject,
    looks_like_client_id_url,
    refuse,
    split_url,
)
from cimd_testbed.net import Response
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    demand_fetched,
    refused,
)
from cimd_testbed.reference.authorization_server._fetch import (
    AddressCheck,
    Fetched,
    Fetcher,
)
from cimd_testbed.reference.authorization_server._settings import Settings
from cimd_testbed.reference.authorization_server._store import Bounded

ACCEPT = "application/json"
NOT_FETCHED = refuse("cimd-fetch-failure-aborts", "The URL could not be fetched.")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A cached document, or what a fetch ended with."""

    document: JsonObject | None
    failure: Decision | None
    fetched_at: float
    lifetime: float


@dataclass(slots=True)
class Clients:
    """Finds the metadata of a client by its id."""

    settings: Settings
    checks: Checks
    clock: Clock
    fetcher: Fetcher
    _registered: dict[str, JsonObject] = field(default_factory=dict)
    _cache: Bounded[str, _Entry] = field(default_factory=lambda: Bounded(4096))
    _under_way: dict[str, asyncio.Future[JsonObject]] = field(default_factory=dict)
    _asked: Bounded[str, tuple[float, ...]] = field(
        default_factory=lambda: Bounded(4096)
    )
    """By host, when documents were fetched from it in the last minute."""

    def __post_init__(self) -> None:
        # Dynamic registration would add to this table.
        for client in self.settings.clients:
            self._registered[client.client_id] = client.metadata

    def judge(self, client_id: str) -> None:
        """Refuse what is neither registered nor the URL of a document; no fetch."""
        if client_id in self._registered:
            return
        if not looks_like_client_id_url(client_id):
            raise refused("invalid_client", "cimd-client-id-https", "Unknown client.")
        demand_fetched(self.checks.client_id_url(client_id))
        self.fetcher.judge(client_id)

    async def find(
        self,
        client_id: str,
        redirect_uri: str | None = None,
        guard: AddressCheck | None = None,
    ) -> JsonObject:
        """Return a client's metadata; raises `FetchError` or `Refused`.

        `redirect_uri` is what the request named, where it is an authorization request;
        `guard` judges addresses where it is none.
        """
        registered = self._registered.get(client_id)
        if registered is not None:
            return registered
        self.judge(client_id)
        try:
            return await self._document(client_id, guard or self.checks.addresses)
        except FetchError as error:
            clause = error.decision.clause
            document = self.checks.document_stand_in(client_id, redirect_uri, clause)
            if document is None:
                raise
            return document

    async def _document(self, client_id: str, guard: AddressCheck) -> JsonObject:
        entry = self._cache.get(self.checks.cache_key(client_id))
        now = self.clock.now()
        if entry is None or not self.checks.still_fresh(
            entry.fetched_at, entry.lifetime, now
        ):
            return await self.refetch(client_id, guard)
        if entry.document is None:
            assert entry.failure is not None
            raise FetchError(entry.failure)
        return entry.document

    def fetched_at(self, client_id: str) -> float:
        """Return when the document was last fetched; 0 when it is not cached."""
        entry = self._cache.get(self.checks.cache_key(client_id))
        return entry.fetched_at if entry else 0.0

    async def refetch(
        self, client_id: str, guard: AddressCheck | None = None
    ) -> JsonObject:
        """Fetch and judge the document now, whatever is cached.

        Whoever asks for the same one meanwhile waits for what comes of this.
        """
        running = self._under_way.get(client_id)
        if running is not None and self.checks.join_fetch(client_id):
            return await asyncio.shield(running)
        outcome: asyncio.Future[JsonObject] = asyncio.Future()
        self._under_way[client_id] = outcome
        try:
            document = await self._refetch(client_id, guard or self.checks.addresses)
        except BaseException as error:
            failed = isinstance(error, FetchError)
            outcome.set_exception(error if failed else FetchError(NOT_FETCHED))
            outcome.exception()  # nobody may be waiting
            raise
        finally:
            self._under_way.pop(client_id, None)
        outcome.set_result(document)
        return document

    async def _refetch(self, client_id: str, guard: AddressCheck) -> JsonObject:
        cap = self.settings.limits.document_bytes
        try:
            self._brake(client_id)
            fetched = await self.fetcher.fetch(client_id, guard, cap, ACCEPT)
            document = self._judge_document(client_id, fetched)
        except FetchError as error:
            return self._after_failure(client_id, error)
        lifetime = self.checks.freshness(fetched.response.headers, self.settings.cache)
        self._keep(client_id, _Entry(document, None, self.clock.now(), lifetime))
        return document

    def _brake(self, client_id: str) -> None:
        """Refuse to ask one host too often."""
        host, now = split_url(client_id).authority or "", self.clock.now()
        recent = [when for when in self._asked.get(host) or () if when > now - 60]
        most = self.settings.limits.per_minute
        demand_fetched(self.checks.host_brake(len(recent), most))
        self._asked.put(host, (*recent, now))

    def _keep(self, client_id: str, entry: _Entry) -> None:
        key = self.checks.cache_key(client_id)
        if entry.lifetime > 0:
            self._cache.put(key, entry)
        elif entry.document is not None:
            self._cache.drop(key)

    def _after_failure(self, client_id: str, error: FetchError) -> JsonObject:
        clause = error.decision.clause
        entry = self._cache.get(self.checks.cache_key(client_id))
        now = self.clock.now()
        if (
            entry is not None
            and entry.document is not None
            and self.checks.stale_after_failure(clause, now - entry.fetched_at)
        ):
            return entry.document
        remember = (
            self.checks.invalid_document_lifetime
            if error.answered
            else self.checks.failure_lifetime
        )
        self._keep(client_id, _Entry(None, error.decision, now, remember(clause)))
        raise error

    def _judge_document(self, client_id: str, fetched: Fetched) -> JsonObject:
        checks, response = self.checks, fetched.response
        demand_fetched(checks.fetch_status(response.status), body=response.body)
        kind = response.header("content-type")
        demand_unusable(checks.content_type(kind), response)
        complete = checks.read_complete(response.truncated, len(response.body))
        demand_unusable(complete, response)
        document = readable(checks, response)
        for judge in (
            checks.document_client_secret,
            checks.document_symmetric_method,
            checks.document_private_key,
            checks.document_members,
            checks.document_required_members,
            checks.document_keys,
            checks.document_redirect_uris,
            checks.document_uris,
            checks.document_grants,
            checks.document_auth_methods,
        ):
            demand_unusable(judge(document), response)
        named = checks.document_client_id(document, client_id, fetched.url)
        demand_unusable(named, response)
        return document


def readable(checks: Checks, response: Response) -> JsonObject:
    """Return the JSON object in a response; raises `FetchError` when it has none."""
    body = checks.decoded_body(response.header("content-encoding"), response.body)
    if isinstance(body, Decision):
        raise FetchError(body, answered=True, body=response.body)
    found = checks.document_json(body)
    if isinstance(found, Decision):
        raise FetchError(found, answered=True, body=response.body)
    return found


def demand_unusable(decision: Decision, response: Response) -> None:
    """Raise `FetchError` when what came is refused."""
    demand_fetched(decision, answered=True, body=response.body)
