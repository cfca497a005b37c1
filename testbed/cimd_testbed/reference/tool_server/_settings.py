"""What the operator of the tool server decides."""

from __future__ import annotations

from dataclasses import dataclass

from cimd_testbed.core import TOKEN_ALGORITHMS


@dataclass(frozen=True, slots=True)
class ToolServerSettings:
    """One protected resource and the one authorization server that it trusts.

    With `credentials` tokens are introspected, without them their signature is
    verified.
    """

    resource: str
    issuer: str
    scopes: tuple[str, ...] = ()
    required_scope: tuple[str, ...] = ()
    credentials: tuple[str, str] | None = None
    algorithms: tuple[str, ...] = TOKEN_ALGORITHMS
    keys_lifetime: float = 300.0
    unknown_kid_brake: float = 10.0
