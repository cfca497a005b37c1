"""The hardened fetcher: the one way in which this server reaches out.

Resolve once, judge every address, connect to an address that was judged, verify TLS,
follow nothing, read no more than the cap, within the time.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from cimd_testbed.core import (
    Decision,
    IPAddress,
    TlsProblem,
    UrlParts,
    accept,
    literal_address,
    refuse,
    split_url,
)
from cimd_testbed.net import (
    Dialer,
    ForbiddenAddressError,
    HttpError,
    Limits,
    Resolver,
    Response,
    Stream,
    TimeLimit,
    exchange,
)
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    demand_fetched,
)

MAX_HOPS = 5
_UNREACHABLE = refuse("cimd-fetch-failure-aborts", "The URL could not be fetched.")

AddressCheck = Callable[[str, tuple[IPAddress, ...]], Decision]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response, and the URL that it finally came from."""

    url: str
    response: Response


def _not_judged(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    del host, addresses
    return accept("cimd-ssrf-redirect-to-internal")


@functools.cache
def _unverified() -> ssl.SSLContext:
    """Return what connects to anything: only ever used when a check says so."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


_PROBLEMS = {
    9: TlsProblem.NOT_YET_VALID,
    10: TlsProblem.EXPIRED,
    **dict.fromkeys((18, 19, 20, 21), TlsProblem.UNKNOWN_ISSUER),
    **dict.fromkeys((24, 26, 79), TlsProblem.UNFIT),
    **dict.fromkeys((62, 64), TlsProblem.OTHER_NAME),
}
"""By the verification error of OpenSSL (X509_V_ERR_…)."""


def _problem(error: ssl.SSLError) -> TlsProblem:
    """Say what was wrong with a handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _PROBLEMS.get(error.verify_code, TlsProblem.OTHER)
    old = "PROTOCOL" in (error.reason or "")
    return TlsProblem.OLD_PROTOCOL if old else TlsProblem.OTHER


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches documents, keys and pictures that clients name."""

    checks: Checks
    dialer: Dialer
    resolver: Resolver
    trust: ssl.SSLContext
    seconds: float
    limit: TimeLimit = asyncio.timeout

    async def fetch(
        self, url: str, addresses: AddressCheck, cap: int, accept: str
    ) -> Fetched:
        """Get a URL that was judged; raises `FetchError` when nothing can be had."""
        try:
            async with self.limit(self.checks.read_seconds(self.seconds)):
                return await self._follow(url, addresses, cap, accept)
        except (
            OSError,
            TimeoutError,
            ValueError,
            HttpError,
            ForbiddenAddressError,
        ) as error:
            raise FetchError(_UNREACHABLE) from error

    async def _follow(
        self, url: str, addresses: AddressCheck, cap: int, accept: str
    ) -> Fetched:
        for _ in range(MAX_HOPS):
            response = await self._get(url, addresses, cap, accept)
            location = response.header("location")
            onward = self.checks.follow_redirect(url, response.status, location)
            if onward is None:
                return Fetched(url, response)
            url = onward.url
            if onward.judged:
                demand_fetched(self.checks.fetch_url(url))
            else:
                addresses = _not_judged
        raise FetchError(_UNREACHABLE)

    async def _get(
        self, url: str, addresses: AddressCheck, cap: int, accept: str
    ) -> Response:
        parts = split_url(url)
        judged = await self._addresses(parts.host)
        demand_fetched(addresses(parts.host, judged))
        target = self.checks.addresses_to_dial(parts.host, judged)
        if isinstance(target, str):
            target = await self._addresses(target)
        stream = await self._connect(parts, target)
        headers = (
            ("Host", (parts.authority or "").rpartition("@")[2]),
            ("Accept", accept),
            ("Connection", "close"),
        )
        limits = Limits(body=cap, seconds=self.checks.read_seconds(self.seconds))
        try:
            response, _ = await exchange(
                stream, "GET", parts.target, headers, limits=limits
            )
        finally:
            await stream.close()
        return response

    async def _addresses(self, host: str) -> tuple[IPAddress, ...]:
        literal = literal_address(host)
        if literal is not None:
            return (literal,)
        return tuple(await self.resolver.resolve(host))

    async def _connect(
        self, parts: UrlParts, addresses: tuple[IPAddress, ...]
    ) -> Stream:
        port = parts.port
        if port is None:
            raise FetchError(_UNREACHABLE)
        host = parts.host.strip("[]").rstrip(".")
        plain = (parts.scheme or "").lower() == "http"
        failure: OSError = OSError("There is no address to connect to.")
        for address in addresses:
            try:
                if plain:
                    return await self.dialer.dial(address, port)
                return await self._secure(address, port, host)
            except OSError as error:
                failure = error
        raise failure

    async def _secure(self, address: IPAddress, port: int, host: str) -> Stream:
        try:
            return await self.dialer.dial(
                address, port, tls=self.trust, server_hostname=host
            )
        except ssl.SSLError as error:
            demand_fetched(self.checks.tls_problem(_problem(error)))
        return await self.dialer.dial(
            address, port, tls=_unverified(), server_hostname=host
        )
