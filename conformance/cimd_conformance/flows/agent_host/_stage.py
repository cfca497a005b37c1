"""One scenario's servers, and everything that the client did with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.core import split_url
from cimd_testbed.net import Request, Response
from cimd_testbed.parties import (
    MARKER,
    REGISTERED,
    IssuedTokens,
    McpServer,
    PlayedAuthorizationServer,
    Tree,
)

SCOPE = "mcp:read"
MORE_SCOPE = "mcp:write"
LIFETIME = 1
"""Seconds for which an access token is good where refreshing is the question."""
BROWSER = "Mozilla/5.0 (cimd-conformance browser)"


def url_of(request: Request) -> str:
    """Return the URL that was asked for."""
    scheme = "https" if request.arrival.tls else "http"
    return f"{scheme}://{request.host}{request.target}"


Edit = Callable[[str, Request, Tree], Tree]


@dataclass(slots=True)
class Traffic:
    """What the client did as a whole, for expectations about more than one message."""

    metadata: list[str] = field(default_factory=list)
    """The metadata it asked for, in order, as URLs."""
    leaks: list[str] = field(default_factory=list)
    """Tokens that came to a place that they are not for, or in a URL."""
    bare: int = 0
    """MCP requests without a token after one had been accepted."""
    authorized_at: list[str] = field(default_factory=list)
    """The places of the authorization servers that got authorization requests."""
    clients: set[str] = field(default_factory=set)
    """The client identifiers in authorization requests."""
    registrations: int = 0
    """How often it asked to be registered."""
    executed: int = 0
    """How often a URL of ours was run by a shell."""
    opened: list[str] = field(default_factory=list)
    """The URLs that it wanted opened in a browser."""
    dangerous: list[str] = field(default_factory=list)
    """Opened URLs that are no web addresses."""
    astray: list[str] = field(default_factory=list)
    """Requests and navigations to where no server of the flow is."""
    values: Counter[str] = field(default_factory=Counter)
    """How often each value was seen that must be fresh each time."""

    def tree(self) -> dict[str, Any]:
        """Return it as a message."""
        repeated = sorted({v.split(" ")[0] for v, n in self.values.items() if n > 1})
        return {
            "metadata": self.metadata,
            "leaks": self.leaks,
            "bare": self.bare,
            "authorizations": len(self.opened),
            "authorized_at": self.authorized_at,
            "identifiers": len(self.clients),
            "registrations": self.registrations,
            "executed": self.executed,
            "dangerous": self.dangerous,
            "astray": self.astray,
            "repeated": repeated,
        }


@dataclass(slots=True)
class Stage:
    """The parties of one scenario: a server with its AS, and others beside them.

    `other` and `evil` are an MCP server and an authorization server on one origin.
    """

    edit: Edit
    """The scenario's changes; asked for the parties of the running step alone."""
    on_exchange: Callable[[str, str, Request, Response, bool], None]
    """place, message, request, response, changed."""
    tokens: IssuedTokens = field(default_factory=IssuedTokens)
    traffic: Traffic = field(default_factory=Traffic)
    servers: dict[str, McpServer] = field(default_factory=dict)
    issuers: dict[str, PlayedAuthorizationServer] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    """What was served in the running step, in order."""
    calls: int = 0
    """How often the tool was called in the running step."""
    actor: str = "client"
    expire_after_call: bool = False
    on_oauth: Callable[[str, Request], None] = lambda _message, _request: None
    on_call: Callable[[Request], None] = lambda _request: None
    changed: bool = False
    """Whether the response that is being made was changed."""
    _sent: list[str] = field(default_factory=list)

    def begin(self, actor: str) -> None:
        """Start a step."""
        self.actor = actor
        self.events.clear()
        self.calls = 0

    @property
    def server(self) -> McpServer:
        """The MCP server of the running step."""
        return self.servers["server" if self.actor == "client" else self.actor]

    def add_server(self, place: str, url: str, issuer: str, **options: Any) -> None:
        """Play an MCP server at a place."""
        self.servers[place] = McpServer(
            url,
            issuer,
            self.tokens.scope_of,
            self._editor(place),
            self._called,
            scope=(SCOPE,),
            **options,
        )

    def add_issuer(self, place: str, issuer: str, **options: Any) -> None:
        """Play an authorization server at a place."""
        self.issuers[place] = PlayedAuthorizationServer(
            issuer,
            self.tokens,
            place,
            self._editor(place),
            seen=self._oauth(place),
            **options,
        )

    def _editor(self, place: str) -> Edit:
        def edit(message: str, request: Request, tree: Tree) -> Tree:
            self._sent.append(message)
            if self._acts(place):
                tree = self.edit(message, request, tree)
            if message == "prm":
                self._advertised(place, tree)
            return tree

        return edit

    def _acts(self, place: str) -> bool:
        acting = ("server", "as") if self.actor == "client" else (self.actor,)
        return place in acting

    def _advertised(self, place: str, tree: Tree) -> None:
        """Note which issuers a server names: their tokens are for it."""
        text = str(tree.get("json", tree.get("text", "")))
        for name, played in self.issuers.items():
            if played.issuer in text:
                self.traffic.values[f"advertised {place} {name}"] = 1

    def _oauth(self, place: str) -> Callable[[str, Request], None]:
        def seen(message: str, request: Request) -> None:
            if not self._acts(place):
                self.events.append(f"{place}:{message}")
            self.events.append(message)
            self._count(place, message, request)
            self.on_oauth(message, request)

        return seen

    def _count(self, place: str, message: str, request: Request) -> None:
        """Count what a client asks of an authorization server, and as whom."""
        traffic = self.traffic
        params = request.query if request.method == "GET" else request.form
        client_id = dict(params).get("client_id", "")
        if message == "registration_request":
            traffic.registrations += 1
        if message == "authorization_request":
            if place not in traffic.authorized_at:
                traffic.authorized_at.append(place)
            traffic.clients.add(client_id)
        if client_id.startswith(REGISTERED) and client_id != f"{REGISTERED}{place}":
            traffic.leaks.append(f"registration of another server at {place}")

    def _called(self, method: str, token: str) -> None:
        self.events.append("mcp")
        if method == "tools/call":
            self.calls += 1
            if self.expire_after_call:
                self.tokens.expired.add(token)

    # --- requests -------------------------------------------------------------------

    async def answer(self, place: str, request: Request) -> Response:
        """Answer a request to one of the places; the parties do not know who asks."""
        self._watch_token(place, request)
        self._sent.clear()
        self.changed = False
        server, issuer = self.servers.get(place), self.issuers.get(place)
        here = server is not None and self._belongs(server, request)
        if server is not None and here:
            response = await server.handle(request)
        elif issuer is not None:
            response = await issuer.handle(request)
        else:
            response = Response(404)
        message = self._sent[-1] if self._sent else "not-found"
        self._note(place, message, request, response)
        self.on_exchange(place, message, request, response, self.changed)
        return response

    @staticmethod
    def _belongs(server: McpServer, request: Request) -> bool:
        resource = "/.well-known/oauth-protected-resource"
        own = (server.path, *server.metadata_paths)
        return request.path in own or request.path.startswith(resource)

    def _note(
        self, place: str, message: str, request: Request, response: Response
    ) -> None:
        if "/.well-known/" in request.path or message == "prm":
            self.traffic.metadata.append(url_of(request))
        if message in ("prm", "as_metadata", "challenge", "scope_challenge"):
            self.events.append(message)
        if message == "token_response" and response.status != 200:
            self.events.append("token_refused")
        if message == "not-found" and "/.well-known/" not in request.path:
            self.traffic.astray.append(f"{request.method} {place} {request.path}")
            self.events.append("astray")
        if request.path == self.server.path and request.method == "POST":
            self.on_call(request)
            if "mcp" in self.events and not request.header("authorization"):
                self.traffic.bare += 1

    def _watch_token(self, place: str, request: Request) -> None:
        """Note a token that came where it does not belong."""
        _, _, bearer = (request.header("authorization") or "").partition(" ")
        for token, issuer in self.tokens.issuers.items():
            if token in request.target and not token.startswith("code-"):
                self.traffic.leaks.append(f"in a URL at {place}")
            if token == bearer and not self._may_see(place, issuer):
                self.traffic.leaks.append(f"{token.split('-')[0]} token at {place}")
            posted = token.startswith("refresh-") and token.encode() in request.body
            if posted and self._issuer_at(place) != issuer:
                self.traffic.leaks.append(f"refresh token at {place}")

    def _issuer_at(self, place: str) -> str | None:
        played = self.issuers.get(place)
        return played.issuer if played else None

    def _may_see(self, place: str, issuer: str) -> bool:
        server = self.servers.get(place)
        if server is None:
            return False
        named = {
            played.issuer
            for name, played in self.issuers.items()
            if f"advertised {place} {name}" in self.traffic.values
        }
        return issuer == server.issuer or issuer in named

    # --- the end --------------------------------------------------------------------

    def opened(self, url: str) -> None:
        """Note a URL that the client wants opened."""
        if url.startswith(MARKER):
            self.traffic.executed += 1
            return
        self.traffic.opened.append(url)
        self.events.append("opened")
        if split_url(url).scheme not in ("http", "https"):
            self.traffic.dangerous.append(url[:120])
            self.events.append("astray")
