"""What the operator of the tool server decides."""

from __future__ import annotations

from dataclasses import dataclass

from cimd_testbed.core import TOKEN_ALGORITHMS

READ, WRITE, ADMIN = "mcp:read", "mcp:write", "mcp:admin"


@dataclass(frozen=True, slots=True)
class ToolServerSettings:
    """One protected resource and the one authorization server that it trusts.

    With `credentials` tokens are introspected, without them their signature is
    verified.
    """

    resource: str
    issuer: str
    scopes: tuple[str, ...] = (READ, WRITE)
    """What the metadata lists; each tool says what it takes."""
    broader: tuple[tuple[str, tuple[str, ...]], ...] = ((ADMIN, (READ, WRITE)),)
    """Scopes that stand for others, which the metadata leaves out: nobody is to ask for
    more than a tool takes."""
    required_scope: tuple[str, ...] = (READ,)
    """What every request takes."""
    credentials: tuple[str, str] | None = None
    algorithms: tuple[str, ...] = TOKEN_ALGORITHMS
    keys_lifetime: float = 300.0
    unknown_kid_brake: float = 10.0
    upstream: str | None = None
    """The API that one of the tools asks."""
    upstream_credential: str = "the-credential-of-this-server"
    """What this server is known by there; a tool server has one for each API."""
    introspection_lifetime: float = 0.0
    """For how long an answer about a token counts: 0 asks every time."""
