"""The preflight on the console and as a document."""

from __future__ import annotations

import io
import json

import jsonschema
import pytest
from rich.console import Console

from cimd_conformance.model import (
    ContactSeen,
    Exchange,
    Finding,
    FindingStatus,
    HttpMessage,
    RunFinished,
    TargetOutput,
)
from cimd_conformance.reports._console_style import PlainConsole
from cimd_conformance.reports.doctor import DoctorWriter
from cimd_conformance.reports.schemas import load_schema

FINE = Finding(0.0, "file", FindingStatus.FINE, "Mine: tool-server.")
NOTE = Finding(
    0.1,
    "network",
    FindingStatus.NOTE,
    "loopback",
    mend="Use the lab.",
    places=["t:1: x"],
)
WRONG = Finding(
    0.2,
    "port",
    FindingStatus.WRONG,
    "It listens on 8000.\nNot on \x1b[2J9000.",
    "wrong-port",
    "Say it {port}. " * 8,
    ["target.toml:9: server.env.PORT", "target.toml:7: server.start"],
    [3],
)
SEEN = ContactSeen(0.1, "c", 3, "client", "client-hello", trouble="unknown ca")
OTHER = Exchange(0.1, "c", 4, "a", "b", "m", HttpMessage("GET /"), HttpMessage("200"))


def write(*events, json_path=None, ticks=False, color=False):
    stream = io.StringIO()
    console = PlainConsole(stream)
    if color:
        console = Console(file=stream, force_terminal=True, width=80)
    writer = DoctorWriter(console, "my target.toml", json_path=json_path, ticks=ticks)
    for event in events:
        writer.event(event)
    writer.finish()
    return stream.getvalue()


def finished(verdict: str, code: int, **counts: int) -> RunFinished:
    return RunFinished(1.0, verdict, code, counts, 1.0)


def test_what_is_wrong_stands_last_with_its_mend():
    text = write(FINE, NOTE, SEEN, OTHER, WRONG, finished("broken", 3))
    assert text.splitlines()[1:] == [
        "fine  file      Mine: tool-server.",
        "note  network   loopback",
        "            mend  Use the lab.",
        "            at    t:1: x",
        "wrong port      wrong-port",
        "            It listens on 8000.",
        "            Not on \\x1b[2J9000.",
        "            mend  Say it {port}. Say it {port}. Say it {port}. Say it {port}.",
        "                  Say it {port}. Say it {port}. Say it {port}. Say it {port}.",
        "            at    target.toml:9: server.env.PORT",
        "                  target.toml:7: server.start",
        "            #3 target → client  client-hello: unknown ca",
        "",
        "Stopped at port: nothing behind it was looked at.",
    ]
    assert max(map(len, text.splitlines())) <= 80


def test_all_is_fine():
    counts = {"run": 9, "not-applicable": 2, "not-run": 0}
    text = write(FINE, finished("fine", 0, **counts))
    assert text.splitlines()[2:] == [
        "",
        "All is fine.",
        "cimd-conformance run 'my target.toml'",
        "  runs 9 scenarios, 2 not-applicable.",
    ]


def test_an_end_in_the_middle():
    assert "Interrupted." in write(FINE, finished("interrupted", 3))


def test_a_terminal_has_ticks():
    text = write(FINE, NOTE, WRONG, ticks=True)
    ticks = [line[0] for line in text.splitlines()[1:] if line and line[0] != " "]
    assert ticks == ["✓", "!", "✗", "S"]
    assert "\x1b[" in write(FINE, color=True)


def test_a_person_hears_what_a_driver_says():
    text = write(TargetOutput(0.0, "attended: open x"), TargetOutput(0.0, "noise"))
    assert "attended: open x" in text
    assert "noise" not in text


def test_the_document(tmp_path):
    path = tmp_path / "d.json"
    write(FINE, SEEN, WRONG, finished("broken", 3), json_path=str(path))
    document = json.loads(path.read_bytes())
    jsonschema.validate(document, load_schema("doctor"))
    assert (document["verdict"], document["exit_code"]) == ("broken", 3)
    last = document["findings"][-1]
    assert (last["code"], last["places"]) == ("wrong-port", WRONG.places)
    assert [one["number"] for one in last["evidence"]] == [3]


@pytest.mark.parametrize("path", ["/nowhere/d.json", "."])
def test_a_document_that_cannot_be_written_is_told_at_once(path):
    from cimd_conformance.model import ConfigError

    with pytest.raises(ConfigError):
        write(json_path=path)
