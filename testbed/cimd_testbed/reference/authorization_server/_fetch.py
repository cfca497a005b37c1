"""The hardened fetcher: the one way in which this server reaches out.

Resolve once, judge every address, connect to an address that was judged, verify TLS,
follow nothing, read no more than the cap, within the time.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cimd_testbed.core import (
    Decision,
    Destination,
    FetchProblem,
    IPAddress,
    Onward,
    accept,
    literal_address,
    refuse,
    split_url,
)
from cimd_testbed.net import (
    Dialer,
    ForbiddenAddressError,
    HeadersTooLargeError,
    HttpError,
    Limits,
    Resolver,
    Response,
    Stream,
    TimeLimit,
    exchange,
)
from cimd_testbed.reference._tls import problem_of, unverified
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    demand_fetched,
)
from cimd_testbed.reference.authorization_server._settings import EnvironmentProxy
from cimd_testbed.reference.authorization_server._store import Bounded
from cimd_testbed.reference.authorization_server._tunnel import open_tunnel

MAX_HOPS = 5
MAX_HEADER = 16 << 10
_NO_LIMITS = Limits(1 << 30, 3600.0, 1 << 30)
"""Only ever used when a check says so."""

_FAILURES = (OSError, TimeoutError, ValueError, HttpError, ForbiddenAddressError)
_UNREACHABLE = refuse("cimd-fetch-failure-aborts", "The URL could not be fetched.")

AddressCheck = Callable[[str, tuple[IPAddress, ...]], Decision]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response, and the URL that it finally came from."""

    url: str
    response: Response


def not_judged(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    """Look at no address: what somebody fetches by a library that knows no guard."""
    del host, addresses
    return accept("cimd-ssrf-redirect-to-internal")


@dataclass(frozen=True, slots=True)
class _Request:
    """What one hop of a fetch asks for."""

    url: str
    addresses: AddressCheck
    room: Limits
    accept: str


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches documents, keys and pictures that clients name."""

    checks: Checks
    dialer: Dialer
    resolver: Resolver
    trust: ssl.SSLContext
    seconds: float
    limit: TimeLimit = asyncio.timeout
    proxy: EnvironmentProxy | None = None
    """What `HTTPS_PROXY` says, for whoever heeds it."""
    _judged: Bounded[str, int] = field(default_factory=lambda: Bounded(4096))
    """How often the addresses of a host were judged."""
    _kept: dict[str, Stream] = field(default_factory=dict)
    _cookies: Bounded[str, str] = field(default_factory=lambda: Bounded(4096))
    """What hosts have set, for whoever sends it back."""

    def judge(self, url: str) -> None:
        """Refuse a URL of which it is not plain where it leads; nothing is sent."""
        self._destination(url)

    async def fetch(
        self, url: str, addresses: AddressCheck, cap: int, accept: str
    ) -> Fetched:
        """Get a URL that was judged; raises `FetchError` when nothing can be had."""
        room = Limits(cap, self.seconds, MAX_HEADER)
        try:
            fetched = await self._within(room, url, addresses, accept)
            if self._stands(fetched.response):
                return fetched
        except TimeoutError:
            demand_fetched(self.checks.fetch_problem(FetchProblem.TOO_SLOW))
        except HeadersTooLargeError:
            demand_fetched(self.checks.fetch_problem(FetchProblem.LARGE_HEADERS))
        except _FAILURES as error:
            raise FetchError(_UNREACHABLE) from error
        try:
            return await self._within(_NO_LIMITS, url, addresses, accept)
        except _FAILURES as error:
            raise FetchError(_UNREACHABLE) from error

    async def close(self) -> None:
        """Close the connections that were kept."""
        while self._kept:
            await self._kept.popitem()[1].close()

    def _stands(self, response: Response) -> bool:
        """Whether a response is what is judged, or is read once more without a cap."""
        said = response.header("content-length") is not None
        problem = FetchProblem.TOO_LARGE if said else FetchProblem.TOO_LARGE_UNSAID
        return not response.truncated or self.checks.fetch_problem(problem).refused

    async def _within(
        self, room: Limits, url: str, addresses: AddressCheck, accept: str
    ) -> Fetched:
        async with self.limit(room.seconds):
            return await self._follow(_Request(url, addresses, room, accept))

    async def _follow(self, request: _Request) -> Fetched:
        for _ in range(MAX_HOPS):
            url = request.url
            response = await self._get(request)
            location = response.header("location")
            onward = self.checks.follow_redirect(url, response.status, location)
            if onward is None:
                other = self.checks.other_redirect(response.headers, response.body)
                if other is None:
                    return Fetched(url, response)
                onward = Onward(other)
            request = replace(request, url=onward.url)
            if onward.judged:
                demand_fetched(self.checks.fetch_url(onward.url))
            else:
                request = replace(request, addresses=not_judged)
        raise FetchError(_UNREACHABLE)

    async def _get(self, request: _Request) -> Response:
        url, where = request.url, self._destination(request.url)
        stream, key = await self._stream(url, where, request.addresses)
        cookie = self.checks.fetch_cookie(self._cookies.get(where.host))
        headers = (
            ("Host", (split_url(url).authority or "").rpartition("@")[2]),
            *self.checks.fetch_headers(request.accept),
            *((("Cookie", cookie),) if cookie else ()),
            ("Connection", "keep-alive" if key else "close"),
        )
        reusable = False
        try:
            response, reusable = await exchange(
                stream, "GET", where.target, headers, limits=request.room
            )
        finally:
            if key and reusable:
                self._kept[key] = stream
            else:
                await stream.close()
        if (set_cookie := response.header("set-cookie")) is not None:
            self._cookies.put(where.host, set_cookie.partition(";")[0])
        return response

    def _destination(self, url: str) -> Destination:
        where = self.checks.destination(url)
        if isinstance(where, Decision):
            raise FetchError(where)
        return where

    async def _stream(
        self, url: str, where: Destination, addresses: AddressCheck
    ) -> tuple[Stream, str | None]:
        """Connect to where a URL leads; return the key to keep the connection under."""
        found_proxy = self.proxy.url_for(where.host) if self.proxy else None
        proxy = self.checks.environment_proxy(found_proxy)
        if proxy is not None:
            return await self._through(proxy, url, where, addresses), None
        found = await self._addresses(where.judged) if where.judged else ()
        decision = accept("cimd-fetch-on-url-client-id")
        if where.judged and self._due(where.judged):
            decision = addresses(where.judged, found)
        if decision.refused and self.checks.judged_before_dialling(where.host):
            raise FetchError(decision)
        target = self.checks.addresses_to_dial(where.host, found)
        if isinstance(target, str) or where.judged != where.host:
            target = await self._addresses(where.host)
        plain = (split_url(url).scheme or "").lower() == "http"
        stream, address = await self._connect(where, target, plain=plain)
        if decision.refused:
            await stream.close()
            raise FetchError(decision)
        return stream, self.checks.connection_key(where.host, str(address), where.port)

    async def _through(
        self, proxy: str, url: str, where: Destination, addresses: AddressCheck
    ) -> Stream:
        """Connect by way of a proxy: what is judged is the address of the proxy."""
        hop = split_url(proxy)
        found = await self._addresses(hop.host)
        demand_fetched(addresses(hop.host, found))
        stream = await self.dialer.dial(found[0], hop.port or 80)
        secure = (split_url(url).scheme or "").lower() != "http"
        try:
            trust = self.trust if secure else None
            await open_tunnel(stream, where.host, where.port, trust)
        except BaseException:
            await stream.close()
            raise
        return stream

    def _due(self, host: str) -> bool:
        """Count that a host is about to be judged; say whether it has to be."""
        times = self._judged.get(host) or 0
        self._judged.put(host, times + 1)
        return self.checks.judged_anew(times)

    async def _addresses(self, host: str) -> tuple[IPAddress, ...]:
        literal = literal_address(host)
        if literal is not None:
            return (literal,)
        return tuple(await self.resolver.resolve(host))

    async def _connect(
        self, where: Destination, addresses: tuple[IPAddress, ...], *, plain: bool
    ) -> tuple[Stream, IPAddress]:
        """Connect to the first address that takes it; return which one that was."""
        host = where.host.strip("[]").rstrip(".")
        failure: OSError = OSError("There is no address to connect to.")
        for address in addresses:
            key = self.checks.connection_key(where.host, str(address), where.port)
            kept = self._kept.pop(key, None) if key else None
            if kept is not None:
                return kept, address
            try:
                if plain:
                    return await self.dialer.dial(address, where.port), address
                return await self._secure(address, where.port, host), address
            except OSError as error:
                failure = error
        raise failure

    async def _secure(self, address: IPAddress, port: int, host: str) -> Stream:
        try:
            return await self.dialer.dial(
                address, port, tls=self.trust, server_hostname=host
            )
        except (ssl.SSLError, ConnectionResetError) as error:
            demand_fetched(self.checks.tls_problem(problem_of(error)))
        return await self.dialer.dial(
            address, port, tls=unverified(), server_hostname=host
        )
