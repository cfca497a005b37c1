"""The way out: requests to servers that the client has never met."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cimd_testbed.core import (
    IPAddress,
    JsonObject,
    literal_address,
    parse_json_object,
    split_url,
)
from cimd_testbed.net import (
    Dialer,
    ForbiddenAddressError,
    Headers,
    HttpClient,
    HttpError,
    Limits,
    Resolver,
    Response,
)
from cimd_testbed.reference._tls import problem_of, unverified
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._errors import demand, stopped
from cimd_testbed.reference.agent_host._settings import AgentHostSettings

MAX_HOPS = 5
_UNREACHABLE = "The server does not answer."


@dataclass(frozen=True, slots=True)
class _GuardedResolver:
    """Resolves a name and judges *those* addresses: there is no second lookup."""

    resolver: Resolver
    checks: AgentHostChecks

    async def resolve(self, host: str) -> list[IPAddress]:
        addresses = await self.resolver.resolve(host)
        demand(self.checks.discovery_addresses(host, tuple(addresses)))
        return addresses


@dataclass(frozen=True, slots=True)
class Outgoing:
    """HTTP for one errand: https, outward, capped and timed."""

    checks: AgentHostChecks
    client: HttpClient

    async def request(
        self, method: str, url: str, headers: Headers = (), body: bytes = b""
    ) -> Response:
        """Send one request to a URL that a server named; follows nothing.

        Raises `Stopped` when the URL is not allowed or nobody answers.
        """
        demand(self.checks.discovery_url(url))
        host = split_url(url).host
        literal = literal_address(host)
        if literal is not None:
            demand(self.checks.discovery_addresses(host, (literal,)))
        try:
            return await self._verified(method, url, headers, body)
        except (
            OSError,
            TimeoutError,
            ValueError,
            HttpError,
            ForbiddenAddressError,
        ) as error:
            raise stopped("client-prm-used", _UNREACHABLE) from error

    async def _verified(
        self, method: str, url: str, headers: Headers, body: bytes
    ) -> Response:
        client = self.client
        try:
            return await client.request(method, url, headers, body)
        except ssl.SSLError as error:
            demand(self.checks.tls_problem(problem_of(error)))
        careless = HttpClient(
            client.dialer, client.resolver, unverified(), client.limits
        )
        try:
            return await careless.request(method, url, headers, body)
        finally:
            await careless.close()

    async def metadata(self, url: str) -> JsonObject | None:
        """Return the JSON object at a metadata URL, None when it is not there."""
        for _ in range(MAX_HOPS):
            response = await self.request("GET", url, (("Accept", "application/json"),))
            location = response.header("location")
            onward = self.checks.metadata_redirect(url, response.status, location)
            if onward is not None:
                url = onward
                continue
            if response.status != 200 or response.truncated:
                return None
            try:
                return parse_json_object(response.body)
            except ValueError:
                return None
        return None


@contextlib.asynccontextmanager
async def outgoing(
    settings: AgentHostSettings,
    checks: AgentHostChecks,
    dialer: Dialer,
    resolver: Resolver,
    trust: ssl.SSLContext,
) -> AsyncIterator[Outgoing]:
    """Open the way out for one errand; its connections end with it."""
    limits = Limits(settings.metadata_bytes, settings.answer_seconds)
    guarded = _GuardedResolver(resolver, checks)
    client = HttpClient(dialer, guarded, trust, limits)
    try:
        yield Outgoing(checks, client)
    finally:
        await client.close()
