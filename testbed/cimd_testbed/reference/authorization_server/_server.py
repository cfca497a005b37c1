"""The server: routes of one issuer to its endpoints."""

from __future__ import annotations

import asyncio
import ssl

from cimd_testbed.core import Clock, split_url, well_known_url
from cimd_testbed.net import (
    Dialer,
    HttpClient,
    Limits,
    Request,
    Resolver,
    Response,
    TimeLimit,
)
from cimd_testbed.reference.authorization_server import _discovery as discovery
from cimd_testbed.reference.authorization_server import _interaction as interaction
from cimd_testbed.reference.authorization_server._authorize import authorize
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._client_keys import ClientKeys
from cimd_testbed.reference.authorization_server._documents import Clients
from cimd_testbed.reference.authorization_server._errors import Refused
from cimd_testbed.reference.authorization_server._fetch import Fetcher
from cimd_testbed.reference.authorization_server._keys import SigningKeys
from cimd_testbed.reference.authorization_server._logos import Logos
from cimd_testbed.reference.authorization_server._provider import come_back
from cimd_testbed.reference.authorization_server._settings import Settings
from cimd_testbed.reference.authorization_server._state import State
from cimd_testbed.reference.authorization_server._store import Store
from cimd_testbed.reference.authorization_server._token import token, token_error
from cimd_testbed.reference.authorization_server._token_status import (
    introspect,
    revoke,
)

_DISCOVERY = ("oauth-authorization-server", "openid-configuration")


class AuthorizationServer:
    """An authorization server for one issuer, as a function of requests.

    It opens no socket but through `dialer`, asks no name but of `resolver`, and starts
    no task. Whoever hosts it calls `handle`.
    """

    def __init__(
        self,
        settings: Settings,
        checks: Checks = Checks(),  # noqa: B008 - frozen
        *,
        dialer: Dialer,
        resolver: Resolver,
        trust: ssl.SSLContext,
        clock: Clock,
        limit: TimeLimit = asyncio.timeout,
    ) -> None:
        self.settings = settings
        self.checks = checks
        seconds = settings.limits.seconds
        fetcher = Fetcher(
            checks, dialer, resolver, trust, seconds, limit, settings.proxy
        )
        clients = Clients(settings, checks, clock, fetcher)
        self._state = State(
            settings=settings,
            checks=checks,
            clock=clock,
            store=Store(),
            signing=SigningKeys(settings.signing_algorithms),
            clients=clients,
            client_keys=ClientKeys(settings, checks, clock, fetcher, clients),
            logos=Logos(settings, checks, clock, fetcher),
            http=HttpClient(dialer, resolver, trust, Limits(seconds=seconds)),
        )
        paths = [
            split_url(well_known_url(settings.issuer, name)).path for name in _DISCOVERY
        ]
        appended = [self._state.path(f".well-known/{name}") for name in _DISCOVERY]
        self._discovery_paths = frozenset([*paths, *appended])

    def rotate_signing_key(self) -> None:
        """Sign with new keys from now on; the old ones stay in the JWK Set."""
        self._state.signing.rotate()

    async def close(self) -> None:
        """Close what is still open towards clients."""
        await self._state.clients.fetcher.close()
        await self._state.http.close()

    async def handle(self, request: Request) -> Response:
        """Answer any request to the issuer's origin."""
        if request.method in ("GET", "HEAD"):
            return await self._get(request)
        if request.method == "POST":
            return await self._post(request)
        return Response(405, (("Allow", "GET, HEAD, POST"),))

    async def _get(self, request: Request) -> Response:
        state, path = self._state, request.path
        if path in self._discovery_paths:
            return discovery.metadata(state, request)
        if path == state.path("jwks"):
            return discovery.jwks(state)
        if path == state.path("authorize"):
            return await authorize(state, request)
        if path == state.path("callback"):
            return await come_back(state, request)
        if path.startswith(state.path("logo/")):
            return interaction.logo(state, path.rpartition("/")[2])
        if path in map(state.path, ("token", "revoke", "introspect", "consent")):
            return Response(405, (("Allow", "POST"),))
        return Response(404)

    async def _post(self, request: Request) -> Response:
        state, path = self._state, request.path
        if path == state.path("authorize"):
            return await authorize(state, request)
        if path == state.path("login"):
            return interaction.log_in(state, request)
        if path == state.path("consent"):
            return await interaction.answer_consent(state, request)
        endpoints = {"token": token, "revoke": revoke, "introspect": introspect}
        for name, endpoint in endpoints.items():
            if path == state.path(name):
                try:
                    return await endpoint(state, request)
                except Refused as error:
                    return token_error(state, request, error)
        return Response(404)
