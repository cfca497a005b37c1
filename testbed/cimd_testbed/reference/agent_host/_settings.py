"""What the operator of the agent host decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STATEFUL = "2025-11-25"
STATELESS = "2026-07-28"


@dataclass(frozen=True, slots=True)
class AgentHostSettings:
    """One agent host, reachable at its own https origin."""

    origin: str
    client_name: str = "Reference Agent Host"
    auth_method: str = "none"
    """`none`, or `private_key_jwt` with keys of its own."""
    per_server: bool = False
    """One `client_id`, document and redirect URI per server and purpose, so that no
    two servers can tell that they talk to the same host."""
    preregistered: Mapping[str, str] = field(default_factory=dict)
    """Client ids that issuers gave out by hand, by issuer."""
    protocols: tuple[str, ...] = (STATELESS, STATEFUL)
    """MCP revisions that it speaks, the preferred one first."""
    callback_seconds: float = 120.0
    """How long the person may take in the browser."""
    answer_seconds: float = 10.0
    """How long a server may take for an answer."""
    metadata_bytes: int = 256 * 1024
