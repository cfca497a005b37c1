"""The authorization server under test, as we see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.flows._world import World
from cimd_testbed.parties import Credentials, Upstream

PROXIED = "upstream-login"
"""The flow in which people log in with an identity provider."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """The implementation under test, as we know it."""

    name: str
    issuer: str
    metadata: dict[str, Any]
    """The authorization server's metadata (RFC 8414), {} before it was read."""
    resource: str
    scope: str
    shown_by: str
    users: tuple[Credentials, ...]
    own_origins: frozenset[str]
    document: dict[str, Any]
    """Members that every client document for this target has."""
    accommodations: dict[str, str]
    metadata_url: str = ""
    """Where the metadata was found."""
    foreign_origins: frozenset[str] = frozenset()
    """Those of `own_origins` that the metadata alone name, and not the file."""
    introspection: tuple[str, str] = ("", "")
    """The resource server's client id and secret."""
    provider: str = ""
    """The origin of the identity provider that it sends people to, '' for none."""

    def endpoint(self, name: str) -> str:
        """Return an endpoint's URL, '' when it is not announced."""
        value = self.metadata.get(name)
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class AsWorld(World):
    """The world of a run against an authorization server."""

    target: TargetView = field(kw_only=True)
    proxy: TargetView | None = field(default=None, kw_only=True)
    """Another server, for the flows in which people log in elsewhere."""
    upstream: Upstream = field(kw_only=True)
    """The identity provider of the testbed."""
    keys_cache: dict[str, Any] = field(default_factory=dict)
    """Key sets that were read, by their URL."""

    def view(self, flow: str) -> TargetView:
        """Return the server that a flow is about."""
        return self.proxy if self.proxy and flow == PROXIED else self.target
