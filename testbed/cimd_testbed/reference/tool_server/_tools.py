"""The tools: two that read, one with an effect that everybody can see."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_testbed.core import JsonObject
from cimd_testbed.reference.tool_server._settings import READ, WRITE

PAGES = 4096
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what it is called, what scope it takes, what it does."""

    name: str
    description: str
    scope: tuple[str, ...]
    run: Callable[[JsonObject, JsonObject], JsonObject]
    """From the token's claims and the arguments to the result."""
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

    def call(self, claims: JsonObject, arguments: JsonObject) -> dict[str, Any]:
        """Run it; wrong arguments are an error that a model can read."""
        wrong = [name for name in self.properties if arguments.text(name) is None]
        if wrong:
            text = f"The argument {wrong[0]} has to be a string."
            return _content(text, is_error=True)
        about = self.run(claims, arguments).plain()
        return {**_content(json.dumps(about)), "structuredContent": about}


def _content(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


@dataclass(slots=True)
class GuestBook:
    """What visitors wrote, for every visitor to read."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=PAGES))
    written: int = 0

    def sign(self, claims: JsonObject, arguments: JsonObject) -> JsonObject:
        """Add a line."""
        del claims
        self.lines.append((arguments.text("text") or "")[:LONGEST])
        self.written += 1
        return JsonObject({"written": self.written})

    def read(self, claims: JsonObject, arguments: JsonObject) -> JsonObject:
        """Return every line and how many there ever were."""
        del claims, arguments
        return JsonObject({"lines": list(self.lines), "written": self.written})


def _whoami(claims: JsonObject, arguments: JsonObject) -> JsonObject:
    del arguments
    known = ("sub", "client_id", "scope")
    return JsonObject({name: claims.get(name) for name in known})


def make_tools() -> dict[str, Tool]:
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
    return {tool.name: tool for tool in tools}
