"""The tools: two that read, one with an effect that everybody can see."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.core import JsonObject
from cimd_testbed.net import HttpClient, HttpError
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._settings import (
    READ,
    WRITE,
    ToolServerSettings,
)

PAGES = 4096
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever was admitted: what the token says, and the token."""

    claims: JsonObject
    token: str


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what it is called, what scope it takes, what it does."""

    name: str
    description: str
    scope: tuple[str, ...]
    run: Callable[[Visitor, JsonObject], Awaitable[JsonObject]]
    """From who calls and with what to the result."""
    properties: dict[str, Any] = field(default_factory=dict)
    """Its parameters, all of them strings, all of them required."""

    def describe(self) -> dict[str, Any]:
        """Return the tool as `tools/list` shows it."""
        schema = {
            "type": "object",
            "properties": self.properties,
            "required": sorted(self.properties),
        }
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": schema,
        }

    async def call(self, visitor: Visitor, arguments: JsonObject) -> dict[str, Any]:
        """Run it; wrong arguments are an error that a model can read."""
        wrong = [name for name in self.properties if arguments.text(name) is None]
        if wrong:
            text = f"The argument {wrong[0]} has to be a string."
            return _content(text, is_error=True)
        about = (await self.run(visitor, arguments)).plain()
        return {**_content(json.dumps(about)), "structuredContent": about}


def _content(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


@dataclass(slots=True)
class GuestBook:
    """What visitors wrote, for every visitor to read."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=PAGES))
    written: int = 0

    async def sign(self, visitor: Visitor, arguments: JsonObject) -> JsonObject:
        """Add a line."""
        del visitor
        self.lines.append((arguments.text("text") or "")[:LONGEST])
        self.written += 1
        return JsonObject({"written": self.written})

    async def read(self, visitor: Visitor, arguments: JsonObject) -> JsonObject:
        """Return every line and how many there ever were."""
        del visitor, arguments
        return JsonObject({"lines": list(self.lines), "written": self.written})


async def _whoami(visitor: Visitor, arguments: JsonObject) -> JsonObject:
    del arguments
    known = ("sub", "client_id", "scope")
    return JsonObject({name: visitor.claims.get(name) for name in known})


@dataclass(frozen=True, slots=True)
class UpstreamClient:
    """Asks the API behind this server."""

    settings: ToolServerSettings
    checks: ToolServerChecks
    http: HttpClient

    async def ask(self, visitor: Visitor, arguments: JsonObject) -> JsonObject:
        """Ask for the status, as this server and not as the visitor."""
        del arguments
        own = self.settings.upstream_credential
        credential = self.checks.upstream_credential(visitor.token, own)
        headers = (("Authorization", f"Bearer {credential}"),)
        url = f"{self.settings.upstream}/status"
        try:
            response = await self.http.request("GET", url, headers)
        except (HttpError, OSError, TimeoutError):
            return JsonObject({"upstream": "silent"})
        return JsonObject({"upstream": response.status})


def make_tools(upstream: UpstreamClient | None = None) -> dict[str, Tool]:
    """Return the tools by name, with a guest book of their own."""
    book = GuestBook()
    text = {"text": {"type": "string", "description": "What to write."}}
    tools = (
        Tool("whoami", "Tell whose access token this is.", (READ,), _whoami),
        Tool("read_guest_book", "Read the guest book.", (READ,), book.read),
        Tool(
            "sign_guest_book",
            "Write a line into the guest book.",
            (READ, WRITE),
            book.sign,
            text,
        ),
    )
    found = {tool.name: tool for tool in tools}
    if upstream is not None:
        what = "Ask the API behind this server for its status."
        found["ask_upstream"] = Tool("ask_upstream", what, (READ,), upstream.ask)
    return found
