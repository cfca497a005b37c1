"""MCP requests in both forms, sent with one thing changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cimd_conformance.catalogue import expand
from cimd_conformance.flows._edit import edit_tree, whole
from cimd_conformance.flows.tool_server._read import (
    challenge_of,
    message_of,
    outcome_of,
)
from cimd_conformance.flows.tool_server._state import Caller, ToolState
from cimd_conformance.flows.tool_server._world import LEGACY, MODERN, ToolCall
from cimd_conformance.model import Change, Message, Op, Outcome
from cimd_testbed.net import Headers, HttpClient, Limits, Response
from cimd_testbed.parties import b64url

_META = "io.modelcontextprotocol"
_CLIENT = {"name": "cimd-conformance", "version": "1"}


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for, before it has the form of a protocol."""

    method: str
    """A JSON-RPC method, or GET or DELETE."""
    params: dict[str, Any]
    token: str | None
    session: str = ""
    notify: bool = False
    identifier: int | None = None
    """The id of the request; without one, the next."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    response: Response
    message: Any
    outcome: Outcome
    detail: str


def greeting(protocol: str) -> tuple[str, dict[str, Any]]:
    """Return the method and parameters that a client begins with."""
    if protocol == MODERN:
        return "server/discover", {}
    return "initialize", {
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": _CLIENT,
    }


def call_params(state: ToolState, tool: ToolCall) -> dict[str, Any]:
    """Return the parameters of a call, its marker filled in."""
    arguments = expand(tool.arguments, {"marker": state.marker})
    return {"name": tool.name, "arguments": arguments}


def _tree(state: ToolState, ask: Ask) -> dict[str, Any]:
    """Return a request as it should be."""
    headers = {"Accept": "application/json, text/event-stream"}
    if ask.token is not None:
        headers["Authorization"] = f"Bearer {ask.token}"
    if ask.session:
        headers["Mcp-Session-Id"] = ask.session
    if ask.method in ("GET", "DELETE"):
        headers["MCP-Protocol-Version"] = state.protocol
        return {"method": ask.method, "query": "", "headers": headers}
    headers["Content-Type"] = "application/json"
    params = dict(ask.params)
    if state.protocol == MODERN:
        headers["MCP-Protocol-Version"] = MODERN
        headers["Mcp-Method"] = ask.method
        if ask.method == "tools/call":
            headers["Mcp-Name"] = _header_value(str(params["name"]))
        params["_meta"] = {
            f"{_META}/protocolVersion": MODERN,
            f"{_META}/clientInfo": _CLIENT,
            f"{_META}/clientCapabilities": {},
        }
    elif ask.method != "initialize":
        headers["MCP-Protocol-Version"] = LEGACY
    body: dict[str, Any] = {"jsonrpc": "2.0", "method": ask.method}
    if not ask.notify:
        body["id"] = ask.identifier or state.next_id()
    if params:
        body["params"] = params
    return {"method": "POST", "query": "", "headers": headers, "body": body}


def _header_value(name: str) -> str:
    """Write a name so that it fits into a header (2026-07-28, Value Encoding)."""
    if name.isascii() and name.isprintable() and name.strip() == name:
        return name
    encoded = b64url(name.encode()).replace("-", "+").replace("_", "/")
    return f"=?base64?{encoded}{'=' * (-len(encoded) % 4)}?="


async def send(state: ToolState, caller: Caller, ask: Ask, *, changed: bool) -> Answer:
    """Send one request and read the answer; `changed` says that a token is."""
    changes = state.changes(Message.MCP_REQUEST) if caller.name == "client" else []
    tree = edit_tree(_tree(state, ask), _foldable(changes))
    if changes:
        state.sent.add(Message.MCP_REQUEST)
    if changed:
        state.sent.add(Message.ACCESS_TOKEN)
    body = whole(changes)
    if body is None:
        body = json.dumps(tree["body"]).encode() if "body" in tree else b""
    query = f"?{tree['query']}" if tree["query"] else ""
    url, headers = f"{state.view.resource}{query}", _headers(tree, changes)
    response: Response | None = None
    client = state.http if tree["method"] == "POST" else _headers_only(state)
    try:
        response = await client.request(str(tree["method"]), url, headers, body)
    finally:
        if client is not state.http:
            await client.close()
        state.record(
            f"mcp_request {ask.method}",
            str(tree["method"]),
            url,
            headers,
            body,
            response,
            changed=bool(changes or changed),
        )
    identifier = tree.get("body", {}).get("id") if "body" in tree else None
    return _read(state, response, identifier)


def _foldable(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.op is not Op.DUPLICATE]


def _headers(tree: dict[str, Any], changes: list[Change]) -> Headers:
    """Return the headers, with those that a change repeats."""
    twice = [
        (str(change.at[1]), str(change.value))
        for change in changes
        if change.op is Op.DUPLICATE and change.at[:1] == ["headers"]
    ]
    return (*((k, str(v)) for k, v in tree["headers"].items()), *twice)


def _headers_only(state: ToolState) -> HttpClient:
    """Return a client that does not wait for the end of a stream."""
    world = state.world
    return HttpClient(
        world.network.dialer(state.label),
        world.network.resolver(state.label),
        world.trust,
        Limits(body=0, seconds=world.seconds),
    )


def _read(state: ToolState, response: Response, identifier: int | None) -> Answer:
    message = message_of(response, identifier)
    outcome, detail = outcome_of(response, message)
    state.messages[Message.MCP_RESPONSE] = {
        "status": response.status,
        "headers": {name.lower(): value for name, value in response.headers},
        "body": message,
        "text": response.text,
    }
    challenge = challenge_of(response)
    if challenge or outcome is not Outcome.COMPLETED:
        state.messages[Message.CHALLENGE] = challenge
    return Answer(response, message, outcome, detail)
