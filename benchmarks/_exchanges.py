"""What went over the wire in a run: read from its events, to be replayed bare."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Connection = list[dict[str, Any]]
"""The exchanges of one connection, in order."""


def connections(events: Iterable[bytes]) -> list[Connection]:
    """Group the exchanges of an event stream by the connection that carried them.

    A browser has one connection for each visit, each of our clients one, and the
    implementation under test one for each fetch. Secrets are shorter in the events
    than on the wire, so the sizes are a little too small.
    """
    found: dict[tuple[str, str, int], Connection] = {}
    visits: dict[str, int] = {}
    for line in events:
        event = json.loads(line)
        if event["event"] != "exchange":
            continue
        scenario, sender = event["scenario"], event["sender"]
        if event["message"] == "authorization_request":
            visits[scenario] = visits.get(scenario, 0) + 1
        key = (scenario, "client", 0)
        if sender == "browser":
            key = (scenario, sender, visits.get(scenario, 0))
        elif sender == "target":
            key = (scenario, sender, event["number"])
        found.setdefault(key, []).append(_plain(event))
    return list(found.values())


def write_connections(events: Iterable[bytes], file: Path) -> list[Connection]:
    """Write them where `benchmarks.bare` reads them."""
    found = connections(events)
    file.write_text(json.dumps(found), "utf-8")
    return found


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    request, response = event["request"], event.get("response") or {"start": "200"}
    method, url = request["start"].split(" ", 1)
    return {
        "method": method,
        "url": _ascii(url),
        "headers": _headers(request),
        "body": _length(request),
        "status": int(response["start"]),
        "response_headers": _headers(response),
        "response_body": _length(response),
    }


def _headers(message: dict[str, Any]) -> list[list[str]]:
    framing = ("content-length", "transfer-encoding", "connection", "expect")
    pairs = message.get("headers", [])
    return [[k, _ascii(v)] for k, v in pairs if k.lower() not in framing]


def _length(message: dict[str, Any]) -> int:
    """Return the size of a body: as announced, else as it was kept."""
    pairs = message.get("headers", [])
    said = next((v for k, v in pairs if k.lower() == "content-length"), "")
    return int(said) if said.isdigit() else len(message.get("body", ""))


def _ascii(text: str) -> str:
    """Put a letter for each character that only the names of secrets have."""
    return "".join(char if "!" <= char <= "~" or char == " " else "x" for char in text)
