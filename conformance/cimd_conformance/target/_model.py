"""`target.toml`: one implementation under test, described."""

from __future__ import annotations

from typing import Any

import msgspec

from cimd_conformance.model import Role


class _Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A table of a target file: unknown keys are mistakes."""


class Server(_Table, frozen=True):
    """How the target is started, and where it is."""

    issuer: str = "{origin}"
    """The issuer identifier, byte for byte as the target announces it."""
    prepare: list[list[str]] = []
    """Commands that install it: run once per lock file, outside the lab."""
    locks: list[str] = []
    """Files whose content decides whether `prepare` has to run again."""
    start: list[str] = []
    """The command; empty for a server that runs already."""
    port: int = 0
    """The local port of a server that runs already, or always takes the same one; 0 is
    chosen by the suite."""
    cwd: str = "."
    env: dict[str, str] = {}
    ready: str = "/.well-known/oauth-authorization-server"
    """A path that answers below 500 as soon as the target works."""
    ready_seconds: float = 30.0
    metadata: str | None = None
    """The metadata URL, where it is at neither well-known place."""
    clock: str = "auto"
    """Whether its clock is shifted: `auto` where it follows libfaketime, `libfaketime`
    when it has to, `none`."""
    stop: list[str] = []
    """A command that ends it; it gets SIGTERM all the same when it goes on."""
    restart: str = "never"
    """When it is started again: `never`, after a `crash`, or besides before each
    `exclusive` scenario."""
    user: int | None = None
    """The numeric id under which it runs, for programs that refuse to be root."""
    proxy: bool = False
    """Whether it is started with `HTTPS_PROXY` and the like, which name a proxy of the
    testbed (in the lab)."""
    forwarded: bool = False
    """Whether the TLS front adds `X-Forwarded-*` headers."""


class Service(_Table, frozen=True):
    """Something that the server needs, a database say: started before it."""

    name: str
    """How it is called; its port is `{NAME.port}`."""
    start: list[str]
    """The command; it listens on 127.0.0.1 and its port."""
    setup: list[list[str]] = []
    """Commands that are run to their end before it."""
    cwd: str = "."
    env: dict[str, str] = {}
    ready: str = ""
    """A pattern (of Python) in its output; without one, its port takes connections."""
    ready_seconds: float = 30.0


class User(_Table, frozen=True):
    """A person who can log in."""

    username: str
    password: str


class Login(_Table, frozen=True):
    """How the browser gets through login and consent."""

    driver: str = "form"
    users: list[User] = []
    origins: list[str] = []
    """Further origins that the browser may follow redirects to."""


class Resource(_Table, frozen=True):
    """The protected resource, and how a token is shown to work there."""

    uri: str = "{resource}"
    scope: str = ""
    shown_by: str = "jwks"
    """`jwks`, `introspection`, `call` or `userinfo`."""
    client_id: str = ""
    """The resource server's credentials for introspection."""
    client_secret: str = ""


class Tokens(_Table, frozen=True):
    """For a tool server: the access tokens that it takes from our issuer."""

    judged_by: str = "jwks"
    """`jwks` for signed tokens, `introspection` for opaque ones."""
    alg: str = "ES256"
    """How tokens are signed: ES256 or RS256."""
    audience: str = "{resource}"
    """`aud` of a good token."""


class Called(_Table, frozen=True):
    """A tool with its arguments; `{marker}` in them is different in every flow."""

    name: str
    arguments: dict[str, Any] = {}


class Tool(_Table, frozen=True):
    """For a tool server: the tool to call, and how it shows that it ran."""

    call: Called | None = None
    """Without it, a tool of `tools/list` that works with minimal arguments."""
    scope: str = ""
    """What of `resource.scope` this tool takes and not every request does."""
    broader_scope: str = ""
    """A scope that stands above that one, and opens the tool in its place."""
    effect: Called | None = None
    """Another tool in whose result the marker of the call shows."""
    upstream: Called | None = None
    """A tool that asks the API behind the server, which is at `{upstream_api}`."""


class Client(_Table, frozen=True):
    """For an agent host: how it is made to connect, and who publishes its document."""

    drive: str = "command"
    """`command` for a program that connects and ends, `program` for one that runs
    already, `attended` for a person."""
    command: list[str] = []
    """The command; the server's URL comes last unless `{server_url}` is in it."""
    env: dict[str, str] = {}
    cwd: str = "."
    hook: str = ""
    """For `program`: a loopback URL that is sent the errand as JSON."""
    scenario: str = ""
    """`MCP_CONFORMANCE_SCENARIO`; without it the name of the flow."""
    document: str = "testbed"
    """Who publishes the client metadata document: `testbed` or `target`."""
    redirect_uris: list[str] = msgspec.field(
        default_factory=lambda: ["http://127.0.0.1:{callback_port}/callback"]
    )
    """What a document of ours lists; the first one is `{redirect_uri}`."""
    protocols: list[str] = msgspec.field(default_factory=lambda: ["2025-11-25"])
    """The MCP revisions that it speaks."""
    features: list[str] = []
    """What else it can do: refresh, step-up, keeps-tokens, server-side, registration
    (RFC 7591) …"""
    opens: list[str] = msgspec.field(default_factory=lambda: ["browser", "output"])
    """How it opens URLs: through the system's opener, on its output, or not at all."""
    seconds: float = 20.0
    """How long it may take before it counts as hanging."""
    quiet: float = 5.0
    """For `attended`: how long nothing must happen before it counts as stopped."""


class Accommodation(_Table, frozen=True):
    """A deviation that the control needs: it unblocks the run and is itself a check."""

    what: str
    because: str
    value: str = ""
    requirement: str | None = None
    """The requirement that is not met; without it, nothing is violated."""


class Limits(_Table, frozen=True):
    """How gently the target has to be treated."""

    jobs: int = 4
    grace: float = 0.3
    """Seconds after which an absence counts."""
    seconds: float = 15.0
    """How long an answer may take."""
    pace: float = 0.0
    """Seconds between the beginnings of two flows, where the rate is limited."""
    retry_after: float = 30.0
    """How many seconds of a `Retry-After` are waited for; then a flow that met 429 is
    tried once more."""
    patience: float = 40.0
    """How many seconds a host of ours goes on with a slow answer: a target that waits
    longer counts as one without a time limit."""


class TargetFile(_Table, frozen=True):
    """The whole file."""

    schema: int
    name: str
    role: Role
    server: Server = Server()
    login: Login = Login()
    resource: Resource = Resource()
    tokens: Tokens = Tokens()
    tool: Tool = Tool()
    client: Client = Client()
    client_document: dict[str, Any] = {}
    """Members that every client document for this target has."""
    accommodation: list[Accommodation] = []
    limits: Limits = Limits()
    service: list[Service] = []
    """What the server needs, in the order in which that is started."""
    disable: dict[str, str] = {}
    """Scenario globs that are not run, each with the reason."""

    @property
    def runs_already(self) -> bool:
        """Whether nothing of the target is started by the suite."""
        if self.role is Role.AGENT_HOST and self.client.drive != "program":
            return self.client.drive == "attended"
        return not self.server.start


ACCOMMODATIONS = {
    "assertion-audience": "aud of client assertions: a URL, e.g. {token_endpoint}",
    "no-resource": "the resource parameter is not sent",
    "assertion-type": "typ of client assertions: oauth-client-auth+jwt, say",
    "assertion-without-type": "client assertions carry no typ",
    "jwks-uri-only": "keys are published by reference, never inside the document",
}
"""What an accommodation may be."""
