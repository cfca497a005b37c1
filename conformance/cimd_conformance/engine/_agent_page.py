"""The page for a person with a client: one URL for each errand, and how it went.

It asks for its state once a second and writes it down as text. What a client did is
told by the engine's own events, as in every report.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from cimd_conformance.model import (
    AnyEvent,
    Check,
    Control,
    ScenarioFinished,
    Status,
)
from cimd_testbed.net import Headers, Request, Response

_HTML = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<title>cimd-conformance: connect your client</title>
<link rel="stylesheet" href="page.css"><script src="page.js" defer></script>
<h1>Connect your client to each of these</h1>
<p>Add the URL as an MCP server, log in when a browser opens, and call the tool
<code id="tool"></code>, or see it fail. Then go on with the next one.</p>
<p id="count" role="status">Nothing to do yet.</p>
<table><thead><tr><th>MCP server<th>What happens<th>Verdict<th>Scenario</thead>
<tbody id="rows"></tbody></table>
<noscript>This page needs JavaScript; the URLs are on the console, too.</noscript>
"""
_CSS = """body{font:16px/1.5 system-ui,sans-serif;margin:2em;color-scheme:light dark}
table{border-collapse:collapse}td,th{text-align:left;padding:.3em 1em .3em 0}
tr{border-bottom:1px solid #8884}tr.now code{font-weight:bold}small{opacity:.7}
.passed{color:#17803d}.failed,.error{color:#d1242f}.warned,.inconclusive{color:#9a6700}
@media(prefers-color-scheme:dark){.passed{color:#4ac26b}.failed,.error{color:#ff7b72}
.warned,.inconclusive{color:#d4a72c}}
"""
_JS = """'use strict';
const rows = document.getElementById('rows');
const cells = new Map();
const put = (node, text, kind) => {
  if (node.textContent !== text) node.textContent = text;
  if (kind !== undefined) node.className = kind;
};
function row(url) {
  const line = rows.insertRow();
  const parts = [0, 1, 2, 3].map(() => line.insertCell());
  const button = document.createElement('button');
  button.textContent = 'copy';
  button.onclick = () => navigator.clipboard.writeText(url);
  const code = document.createElement('code');
  code.textContent = url;
  parts[0].append(code, ' ', button);
  const reason = document.createElement('small');
  const word = document.createElement('b');
  parts[2].append(word, document.createElement('br'), reason);
  return { line, seen: parts[1], word, reason, name: parts[3] };
}
async function look() {
  let state;
  try {
    state = await (await fetch('state', { cache: 'no-store' })).json();
  } catch {
    put(document.getElementById('count'), 'The run has ended.');
    return;
  }
  put(document.getElementById('tool'), state.tool);
  for (const one of state.errands) {
    if (!cells.has(one.url)) cells.set(one.url, row(one.url));
    const shown = cells.get(one.url);
    put(shown.seen, one.seen);
    put(shown.word, one.verdict, one.verdict);
    put(shown.reason, one.reason);
    put(shown.name, one.scenario);
    shown.line.className = one.seen === 'to do' ? 'now' : '';
  }
  const todo = state.errands.filter((one) => one.seen === 'to do').length;
  const done = state.errands.length - todo;
  put(document.getElementById('count'), `${todo} to do, ${done} done.`);
  setTimeout(look, 1000);
}
look();
"""
_FILES = {
    "/": ("text/html; charset=utf-8", _HTML),
    "/page.css": ("text/css; charset=utf-8", _CSS),
    "/page.js": ("text/javascript; charset=utf-8", _JS),
}
_GUARD: Headers = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
_ILLEGAL = (Status.FAILED, Status.WARNED)


@dataclass(slots=True)
class Row:
    """One errand as the page shows it."""

    url: str
    tool: str
    progress: Callable[[], tuple[int, int]]
    """How much was seen of the client so far, and how often the tool was called."""
    ended: str = ""
    """How the errand ended; empty while it goes on."""

    @property
    def seen(self) -> str:
        """What has become of it, in words."""
        if self.ended:
            return self.ended
        events, _ = self.progress()
        return f"{events} steps seen" if events else "to do"


@dataclass(slots=True)
class AttendedPage:
    """What the page shows; `hear` takes the events of the run."""

    _rows: list[tuple[str, Row]] = field(default_factory=list)
    """With the label of each; a scenario has several where it has several steps."""
    _verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    _illegal: dict[str, str] = field(default_factory=dict)

    def add(self, label: str, row: Row) -> None:
        """Show one more errand."""
        self._rows.append((label, row))

    def hear(self, event: AnyEvent) -> None:
        """Take a verdict from an event of the run."""
        match event:
            case Check(scenario=label, status=status) if status in _ILLEGAL:
                said = f"expected {' and '.join(event.expected)}; got {event.actual}"
                self._illegal.setdefault(label, said)
            case ScenarioFinished(id=label) | Control(id=label):
                reason = self._illegal.get(label, event.reason)
                self._verdicts[label] = (event.status.value, reason)
            case _:
                pass

    async def answer(self, request: Request) -> Response:
        """Answer a request of the person's browser."""
        files = {**_FILES, "/state": ("application/json", json.dumps(self.state()))}
        if request.path not in files:
            return Response(404)
        kind, text = files[request.path]
        return Response(200, (("Content-Type", kind), *_GUARD), text.encode())

    def state(self) -> dict[str, object]:
        """Return everything that changes on the page."""
        return {
            "tool": self._rows[0][1].tool if self._rows else "",
            "errands": [self._shown(label, row) for label, row in self._rows],
        }

    def _shown(self, label: str, row: Row) -> dict[str, str]:
        verdict, reason = self._verdicts.get(label, ("", ""))
        return {
            "url": row.url,
            "seen": row.seen,
            "verdict": verdict,
            "reason": reason,
            "scenario": label,
        }
