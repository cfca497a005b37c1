"""Refusals: raised where a decision falls, turned into a response in one place."""

from __future__ import annotations

from typing import Any

from cimd_testbed.core import Decision, JsonObject, refuse
from cimd_testbed.net import Response, json_response

INVALID = refuse("mcp-rs-invalid-token-401", "The token is not valid.")


class TokenRefused(Exception):  # noqa: N818 - a decision, not a malfunction
    """The request is not authorized; `error` is the code of RFC 6750 section 3.1."""

    def __init__(self, decision: Decision, error: str = "invalid_token") -> None:
        super().__init__(decision.reason)
        self.decision = decision
        self.error = error
        self.required: tuple[str, ...] = ()
        self.claims = JsonObject()


class MessageRefused(Exception):  # noqa: N818 - likewise
    """The message cannot be processed; `code` is that of JSON-RPC or of MCP."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def demand(decision: Decision) -> None:
    """Raise `TokenRefused` when the decision is to refuse."""
    if decision.refused:
        raise TokenRefused(decision)


def demand_message(decision: Decision, code: int) -> None:
    """Raise `MessageRefused` when the decision is to refuse."""
    if decision.refused:
        raise MessageRefused(code, decision.reason)


def error_response(identifier: Any, refused: MessageRefused) -> Response:
    """Make a JSON-RPC error response."""
    error = {"code": refused.code, "message": refused.text}
    value = {"jsonrpc": "2.0", "id": identifier, "error": error}
    return json_response(value, refused.status)
