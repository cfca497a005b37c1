"""The reference trio on local TLS, ready to use in a test or at a desk.

    async with Testbed() as bed:
        url = bed.document_host.publish({"redirect_uris": ["https://…/callback"]})
        bed.trust.configure(context)

Everything listens on 127.0.0.1. The authorization server runs as a development server:
it accepts documents on loopback, as CIMD-03 section 9.6 permits a server that is
itself on loopback, and no other special-use address.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from cimd_certs import Authority
from cimd_testbed.core import (
    Clock,
    SystemClock,
    development_addresses,
    well_known_url,
)
from cimd_testbed.net import (
    LOOPBACK,
    HttpClient,
    LoopbackNetwork,
    Request,
    Response,
    Service,
    json_response,
)
from cimd_testbed.parties import Browser, Credentials
from cimd_testbed.reference.agent_host import (
    AgentHost,
    AgentHostChecks,
    AgentHostSettings,
)
from cimd_testbed.reference.authorization_server import (
    AuthorizationServer,
    Checks,
    Resource,
    Settings,
)
from cimd_testbed.reference.tool_server import ToolServer, ToolServerSettings

USERS = {"alice": "alice-password", "bob": "bob-password"}
SCOPES = ("mcp:read", "mcp:write")

Handle = Callable[[Request], Awaitable[Response]]
OnResponse = Callable[[str, Request, Response], None]
"""server, request, response: called for each answer, before it is sent."""

_FILE = re.compile(r"/([A-Za-z0-9_-][A-Za-z0-9._-]*\.json)")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the servers listen on 127.0.0.1; 0 takes a free port."""

    authorization_server: int = 0
    tool_server: int = 0
    agent_host: int = 0
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Trust:
    """The CA of a testbed, for whoever has to trust it."""

    authority: Authority

    def configure(self, context: ssl.SSLContext) -> None:
        """Make a client context trust the testbed's certificates."""
        context.load_verify_locations(cadata=self.authority.ca_pem.decode())

    def context(self) -> ssl.SSLContext:
        """Return a client context that trusts the testbed's certificates alone."""
        return self.authority.trust()

    def write(self, directory: Path) -> Path:
        """Write `ca.pem`, for programs that want a file; return its path."""
        return self.authority.write(directory)


@dataclass(slots=True)
class DocumentHost:
    """Publishes client metadata documents and key sets at URLs of its own."""

    origin: str = ""
    folder: Path | None = None
    """Its `*.json` files are published besides, as they are at that moment."""
    documents: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def publish(self, document: Mapping[str, Any], name: str = "client") -> str:
        """Serve a document at `/NAME.json` and return its URL.

        The document gets that URL as its `client_id` unless it has one.
        """
        url = f"{self.origin}/{name}.json"
        self.documents[f"/{name}.json"] = {"client_id": url, **document}
        return url

    def withdraw(self, name: str = "client") -> None:
        """Stop serving a document."""
        self.documents.pop(f"/{name}.json", None)

    async def handle(self, request: Request) -> Response:
        """Answer a request for a document."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, (("Allow", "GET, HEAD"),))
        document = self.documents.get(request.path)
        if document is not None:
            return json_response(document, headers=[("Cache-Control", "max-age=60")])
        body = self._file(request.path)
        if body is None:
            return Response(404, (("Content-Type", "text/plain"),), b"not here\n")
        kind = ("Content-Type", "application/json")
        return Response(200, (kind, ("Cache-Control", "no-cache")), body)

    def _file(self, path: str) -> bytes | None:
        name = _FILE.fullmatch(path)
        if name is None or self.folder is None:
            return None
        try:
            return (self.folder / name[1]).read_bytes()
        except OSError:
            return None


class Testbed:
    """An authorization server, a tool server, an agent host and a document host.

    The authorization server issues tokens for the tool server, and for `resources`:
    tool servers of your own that trust it.
    """

    __test__ = False
    """Not a test class, whatever its name suggests to pytest."""

    def __init__(
        self,
        *,
        ports: Ports = Ports(),
        authority: Authority | None = None,
        users: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        resources: Sequence[str] = (),
        on_response: OnResponse | None = None,
    ) -> None:
        self.users = dict(users or USERS)
        self.trust = Trust(authority or Authority())
        self.document_host = DocumentHost()
        self.clock = clock or SystemClock()
        self._resources = tuple(resources)
        self._on_response = on_response
        self._ports = ports
        self._network = LoopbackNetwork()
        self._handlers: dict[str, Handle] = {}
        self._visits: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the listeners and start the servers.

        Raises `OSError` when a port is taken.
        """
        try:
            await self._start()
        except BaseException:
            await self._network.close()
            raise
        return self

    async def _start(self) -> None:
        ports = self._ports
        issuer = await self._open("authorization server", ports.authorization_server)
        tools = await self._open("tool server", ports.tool_server)
        agent = await self._open("agent host", ports.agent_host)
        self.document_host.origin = await self._open("document host", ports.documents)
        self.issuer, self.resource, self.agent_origin = issuer, f"{tools}/mcp", agent
        self._build()

    async def __aexit__(self, *_exc: object) -> None:
        """Close every listener and connection, and the browser."""
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self.tool_server.close()
        await self._network.close()

    @property
    def metadata_url(self) -> str:
        """Where the authorization server describes itself (RFC 8414)."""
        return well_known_url(self.issuer, "oauth-authorization-server")

    @property
    def jwks_uri(self) -> str:
        """The keys that access tokens are signed with."""
        return f"{self.issuer}/jwks"

    @property
    def resource_metadata_url(self) -> str:
        """Where the tool server describes itself (RFC 9728)."""
        return well_known_url(self.resource, "oauth-protected-resource")

    @property
    def agent_client_id(self) -> str:
        """The `client_id` of the agent host: the URL of its document."""
        return self.agent_host.client_id()

    def http(self) -> HttpClient:
        """Return a client that trusts the testbed and reaches loopback only."""
        network = self._network
        return HttpClient(
            network.dialer("caller"), network.resolver("caller"), self.trust.context()
        )

    def browser(self, user: str = "alice") -> Browser:
        """Return a browser whose user logs in and approves by itself."""
        return Browser(
            self.http(),
            Credentials(user, self.users[user]),
            frozenset({self.issuer}),
            lambda *_exchange: None,
        )

    async def _open(self, name: str, port: int) -> str:
        async def handle(request: Request) -> Response:
            # Nobody asks for evidence here, and a server may run for weeks.
            network.contacts.contacts.clear()
            response = await self._handlers[name](request)
            if self._on_response is not None:
                self._on_response(name, request, response)
            return response

        authority = self.trust.authority
        network = self._network
        service = Service(handle, authority.context_for, network.contacts)
        await network.listen(LOOPBACK, port, service)
        return f"https://localhost:{network.ports[port]}"

    def _build(self) -> None:
        network = self._network
        dialer, resolver = network.dialer(None), network.resolver(None)
        trust, clock = self.trust.context(), self.clock
        self.authorization_server = AuthorizationServer(
            Settings(self.issuer, self._known_resources(), users=self.users),
            replace(
                Checks(),
                addresses=development_addresses,
                token_addresses=development_addresses,
                jwks_addresses=development_addresses,
                logo_addresses=development_addresses,
            ),
            dialer=dialer,
            resolver=resolver,
            trust=trust,
            clock=clock,
        )
        self.tool_server = ToolServer(
            ToolServerSettings(self.resource, self.issuer),
            dialer=dialer,
            resolver=resolver,
            trust=trust,
            clock=clock,
        )
        self.agent_host = AgentHost(
            AgentHostSettings(self.agent_origin),
            replace(AgentHostChecks(), discovery_addresses=development_addresses),
            dialer=dialer,
            resolver=resolver,
            trust=trust,
            clock=clock,
            open_browser=self._open_browser,
        )
        self._handlers = {
            "authorization server": self.authorization_server.handle,
            "tool server": self.tool_server.handle,
            "agent host": self.agent_host.handle,
            "document host": self.document_host.handle,
        }

    def _known_resources(self) -> tuple[Resource, ...]:
        uris = (self.resource, *self._resources)
        return tuple(Resource(uri, SCOPES) for uri in uris)

    async def _open_browser(self, command: tuple[str, ...]) -> None:
        """Open the browser, as a program does: it goes on by itself."""
        task = asyncio.create_task(self._visit(command[-1]))
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)

    async def _visit(self, url: str) -> None:
        """Play the person: log in, approve, and follow the way back to the agent."""
        browser = self.browser()
        landing = await browser.visit(url)
        if landing.location is not None:
            await browser.client.request("GET", landing.location)
        await browser.client.close()
