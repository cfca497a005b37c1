"""The issuer's keys: fetched when needed, kept for a while, asked again on rotation."""

from __future__ import annotations

from dataclasses import dataclass, field

from cimd_testbed.core import (
    Clock,
    JsonObject,
    key_set,
    parse_json_object,
    well_known_url,
)
from cimd_testbed.net import HttpClient, Response
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._refusal import demand
from cimd_testbed.reference.tool_server._settings import ToolServerSettings

Keys = tuple[JsonObject, ...]


@dataclass(slots=True)
class Issuer:
    """The one authorization server that is trusted, as seen from here.

    Everything it says is asked of the configured issuer, never of what a token names.
    """

    settings: ToolServerSettings
    checks: ToolServerChecks
    clock: Clock
    http: HttpClient
    _metadata: JsonObject | None = None
    _keys: Keys = ()
    _fetched_at: float | None = None

    async def candidates(self, header: JsonObject, claims: JsonObject) -> Keys:
        """Return the keys to try; asks again once when there is none (rotation)."""
        checks, settings, now = self.checks, self.settings, self.clock.now()
        if (url := checks.token_key_url(header, claims)) is not None:
            response = await self.http.request("GET", url)
            return checks.token_key(header, key_set(json_of(response)))
        lifetime, fetched_at = settings.keys_lifetime, self._fetched_at
        if fetched_at is None or not checks.keys_still_fresh(fetched_at, lifetime, now):
            fetched_at = await self._fetch()
        found = checks.token_key(header, self._keys)
        brake = settings.unknown_kid_brake
        if not found and checks.unknown_kid_refetch(fetched_at, now, brake):
            await self._fetch()
            found = checks.token_key(header, self._keys)
        return found

    async def endpoint(self, name: str) -> str:
        """Return the URL of an endpoint; raises `ValueError` when there is none."""
        url = (await self._read()).text(name)
        if url is None:
            raise ValueError(f"The issuer has no {name}.")
        return url

    async def _fetch(self) -> float:
        response = await self.http.request("GET", await self.endpoint("jwks_uri"))
        current = key_set(json_of(response))
        self._keys = self.checks.keys_that_count(self._keys, current)
        self._fetched_at = self.clock.now()
        return self._fetched_at

    async def _read(self) -> JsonObject:
        if self._metadata is None:
            issuer = self.settings.issuer
            url = well_known_url(issuer, "oauth-authorization-server")
            metadata = json_of(await self.http.request("GET", url))
            demand(self.checks.metadata_issuer(metadata, issuer))
            self._metadata = metadata
        return self._metadata


@dataclass(slots=True)
class Answers:
    """Earlier answers about tokens, a bounded number of them."""

    size: int = 1024
    _answers: dict[str, tuple[float, JsonObject]] = field(default_factory=dict)

    def get(self, token: str) -> tuple[float, JsonObject] | None:
        """Return when an answer came, and the answer."""
        return self._answers.get(token)

    def put(self, token: str, now: float, answer: JsonObject) -> None:
        """Keep an answer; the oldest gives way."""
        self._answers.pop(token, None)
        self._answers[token] = (now, answer)
        if len(self._answers) > self.size:
            del self._answers[next(iter(self._answers))]


def json_of(response: Response) -> JsonObject:
    """Return the JSON object of a 200 response; raises `ValueError`."""
    if response.status != 200 or response.truncated:
        raise ValueError("The authorization server did not answer.")
    return parse_json_object(response.body)
