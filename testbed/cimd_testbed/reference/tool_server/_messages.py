"""JSON-RPC messages of whoever was admitted, in both forms of the protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cimd_testbed.core import (
    LEGACY_VERSION,
    LEGACY_VERSIONS,
    MODERN_VERSION,
    VERSION_MEMBER,
    JsonObject,
    called_name,
    freeze,
    is_modern,
    request_meta,
)
from cimd_testbed.net import Headers, Request, Response, json_response
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._refusal import (
    MessageRefused,
    demand_message,
    error_response,
)
from cimd_testbed.reference.tool_server._sessions import Sessions
from cimd_testbed.reference.tool_server._tools import Tool, Visitor

HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022
INVALID_PARAMS = -32602
_SERVER = {"name": "cimd-reference-tool-server", "version": "1"}


def read_message(body: bytes) -> JsonObject | None:
    """Return the one JSON-RPC message of a body, None for anything else."""
    try:
        value = freeze(json.loads(body))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, JsonObject) or value.text("method") is None:
        return None
    return value


@dataclass(slots=True)
class Dispatcher:
    """Answers messages; nobody gets here without having been admitted."""

    checks: ToolServerChecks
    tools: dict[str, Tool]
    sessions: Sessions

    async def post(
        self, request: Request, message: JsonObject | None, claims: JsonObject
    ) -> Response:
        """Answer one POST."""
        if message is None:
            return error_response(None, MessageRefused(-32600, "Invalid request"))
        identifier = message.get("id")
        token = (request.header("authorization") or "").partition(" ")[2]
        visitor = Visitor(claims, token)
        try:
            if is_modern(request.header("mcp-protocol-version"), message):
                return await self._modern(request, message, visitor)
            return await self._legacy(request, message, visitor)
        except MessageRefused as refused:
            return error_response(identifier, refused)

    async def _modern(
        self, request: Request, message: JsonObject, visitor: Visitor
    ) -> Response:
        """Answer a request that stands by itself (2026-07-28)."""
        checks, method = self.checks, message.text("method") or ""
        stated = request_meta(message).text(VERSION_MEMBER)
        headers = (
            checks.version_header(request.header("mcp-protocol-version"), stated),
            checks.method_header(request.header("mcp-method"), method),
            checks.name_header(request.header("mcp-name"), called_name(message)),
        )
        demand_message(checks.request_members(message), INVALID_PARAMS)
        for decision in headers:
            demand_message(decision, HEADER_MISMATCH)
        demand_message(checks.protocol_version(stated), UNSUPPORTED_VERSION)
        if "id" not in message:
            return Response(202)
        if method == "initialize":
            raise MessageRefused(-32601, "Method not found", 404)
        result = {
            **await self._result(message, visitor, 404),
            "resultType": "complete",
        }
        if method != "tools/call":
            result.update(ttlMs=0, cacheScope="private")
        return _success(message, result)

    async def _legacy(
        self, request: Request, message: JsonObject, visitor: Visitor
    ) -> Response:
        """Answer a request of a session (2025-11-25)."""
        version = request.header("mcp-protocol-version")
        demand_message(self.checks.protocol_version(version), UNSUPPORTED_VERSION)
        if message.text("method") == "initialize":
            session = (("Mcp-Session-Id", self.sessions.open(visitor.claims)),)
            return _success(message, _initialized(message), session)
        self.sessions.demand(request, visitor.claims)
        if "id" not in message:
            return Response(202)
        return _success(message, await self._result(message, visitor, 200))

    async def _result(
        self, message: JsonObject, visitor: Visitor, unknown: int
    ) -> dict[str, Any]:
        match message.text("method"):
            case "ping":
                return {}
            case "server/discover":
                return _discovered()
            case "tools/list":
                return {"tools": [tool.describe() for tool in self.tools.values()]}
            case "tools/call":
                return await self._call(message, visitor)
            case _:
                raise MessageRefused(-32601, "Method not found", unknown)

    async def _call(self, message: JsonObject, visitor: Visitor) -> dict[str, Any]:
        tool = self.tools.get(called_name(message) or "")
        if tool is None:
            raise MessageRefused(INVALID_PARAMS, "There is no such tool.", 200)
        params = message.get("params")
        given = params.get("arguments") if isinstance(params, JsonObject) else None
        return await tool.call(
            visitor, given if isinstance(given, JsonObject) else JsonObject()
        )


def _initialized(message: JsonObject) -> dict[str, Any]:
    params = message.get("params")
    asked = params.text("protocolVersion") if isinstance(params, JsonObject) else None
    return {
        "protocolVersion": asked if asked in LEGACY_VERSIONS else LEGACY_VERSION,
        "capabilities": {"tools": {}},
        "serverInfo": _SERVER,
    }


def _discovered() -> dict[str, Any]:
    return {
        "supportedVersions": [MODERN_VERSION, *LEGACY_VERSIONS],
        "capabilities": {"tools": {}},
        "_meta": {"io.modelcontextprotocol/serverInfo": _SERVER},
    }


def _success(
    message: JsonObject, result: dict[str, Any], headers: Headers = ()
) -> Response:
    identifier = message.plain().get("id")
    value = {"jsonrpc": "2.0", "id": identifier, "result": result}
    return json_response(value, 200, headers)
