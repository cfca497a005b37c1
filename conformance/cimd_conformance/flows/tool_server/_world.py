"""The tool server under test, as we see it, and the issuer that it trusts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.flows._world import World
from cimd_testbed.parties import TokenIssuer, UpstreamApi

LEGACY, MODERN = "2025-11-25", "2026-07-28"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool and its arguments; `{marker}` in them is different in every flow."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolView:
    """One endpoint of the implementation under test, as we know it."""

    name: str
    resource: str
    """The URL of the MCP endpoint."""
    audience: str
    """`aud` of a good token."""
    scope: str
    """The scope of a good token."""
    tool_scope: str
    """What of it the tool takes and nothing else does."""
    tool: ToolCall
    effect: ToolCall | None
    """The tool that shows what the other one did: the marker is in its result."""
    source: str
    """How the target judges tokens: `jwks` or `introspection`."""
    protocols: frozenset[str]
    sessions: bool = False
    """Whether it hands out session ids (2025-11-25)."""
    upstream: ToolCall | None = None
    """The tool that asks the API behind the server."""
    broader_scope: str = ""
    """A scope that stands above what the tool takes."""

    @property
    def base_scope(self) -> str:
        """The scope of a token that lacks what the tool takes."""
        lacking = set(self.tool_scope.split()) or set(self.scope.split())
        return " ".join(one for one in self.scope.split() if one not in lacking)


@dataclass(slots=True)
class ToolWorld(World):
    """The world of a run against a tool server."""

    issuer: TokenIssuer = field(kw_only=True)
    views: dict[str, ToolView] = field(kw_only=True)
    """The endpoints, by how they judge tokens."""
    upstream: UpstreamApi = field(kw_only=True)
    """The API behind the server."""

    def view(self, variant: dict[str, str]) -> ToolView:
        """Return the endpoint of a variant; without one, the first."""
        wanted = variant.get("token")
        return self.views[wanted] if wanted else next(iter(self.views.values()))
