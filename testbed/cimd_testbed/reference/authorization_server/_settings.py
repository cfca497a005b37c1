"""What the operator of the authorization server decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cimd_testbed.core import ASSERTION_ALGORITHMS, CacheBounds, JsonObject


@dataclass(frozen=True, slots=True)
class Resource:
    """A protected resource that this server issues tokens for.

    `credentials` are the user name and password with which it may introspect.
    """

    uri: str
    scopes: tuple[str, ...] = ()
    credentials: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client that the operator registered: RFC 7591 metadata under an issued id."""

    client_id: str
    metadata: JsonObject


@dataclass(frozen=True, slots=True)
class Provider:
    """The identity provider that knows the people, and what we are known by there."""

    authorize: str
    token: str
    credentials: tuple[str, str]
    scope: str = "profile"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live, in seconds."""

    access_token: float = 600.0
    assertion: float = 600.0
    code: float = 60.0
    refresh_token: float = 14 * 86400.0
    request: float = 600.0
    session: float = 8 * 3600.0


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much is read from what a client names, and for how long.

    CIMD-03 section 9.7.
    """

    document_bytes: int = 5 * 1024
    jwks_bytes: int = 64 * 1024
    logo_bytes: int = 256 * 1024
    seconds: float = 5.0
    per_minute: int = 20
    """Documents fetched of one host in a minute."""


@dataclass(frozen=True, slots=True)
class EnvironmentProxy:
    """What `HTTPS_PROXY` and `NO_PROXY` say."""

    url: str
    domains: tuple[str, ...] = ()
    """Names below these go through it; without any, all hosts do."""

    def url_for(self, host: str) -> str | None:
        """Return the proxy's URL for one host, None where it is not meant."""
        name = host.rstrip(".").lower()
        below = any(name.endswith(f".{domain}") for domain in self.domains)
        return self.url if below or not self.domains else None


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one authorization server."""

    issuer: str
    resources: tuple[Resource, ...]
    users: Mapping[str, str] = field(default_factory=dict)
    provider: Provider | None = None
    """With one nobody logs in here: the server is a proxy (MCP, Confused Deputy)."""
    clients: tuple[RegisteredClient, ...] = ()
    auth_methods: tuple[str, ...] = ("none", "private_key_jwt")
    assertion_algorithms: tuple[str, ...] = ASSERTION_ALGORITHMS
    signing_algorithms: tuple[str, ...] = ("ES256", "RS256")
    """The first one signs access tokens; keys for all of them are published."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    limits: FetchLimits = field(default_factory=FetchLimits)
    cache: CacheBounds = field(default_factory=CacheBounds)
    proxy: EnvironmentProxy | None = None
    """The proxy of the environment: documents do not go through it."""
    unknown_kid_brake: float = 10.0
    """Seconds between two fetches of keys because of an unknown `kid`."""

    @property
    def resource_uris(self) -> tuple[str, ...]:
        """The known protected resources."""
        return tuple(resource.uri for resource in self.resources)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope value that can be granted."""
        scopes = [scope for resource in self.resources for scope in resource.scopes]
        return tuple(dict.fromkeys([*scopes, "offline_access"]))
