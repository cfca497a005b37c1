"""Every defence of the tool server, each a named pure function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.reference._jose import token_signature

_Keys = tuple[JsonObject, ...]
_Strings = tuple[str, ...]


@dataclass(frozen=True)
class ToolServerChecks:
    """The honest tool server's answers."""

    bearer_token: Callable[[str | None], str | None] = core.bearer_token
    metadata_issuer: Callable[[JsonObject, str], Decision] = core.metadata_issuer
    token_typ: Callable[[JsonObject], Decision] = core.token_typ
    token_key: Callable[[JsonObject, _Keys], _Keys] = core.token_key
    token_signature: Callable[[str, JsonObject, _Strings], Decision] = token_signature
    token_issuer: Callable[[JsonObject, str], Decision] = core.token_issuer
    token_audience: Callable[[JsonObject, str], Decision] = core.token_for_resource
    token_time: Callable[[JsonObject, float], Decision] = core.token_time
    token_scope: Callable[[JsonObject, _Strings], Decision] = core.token_scope
    keys_still_fresh: Callable[[float, float, float], bool] = core.still_fresh
    unknown_kid_refetch: Callable[[float, float, float], bool] = (
        core.unknown_kid_refetch
    )
