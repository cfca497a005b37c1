"""No secret of a demo is in any artefact: collected raw in-process, then searched.

The secrets are taken where they are born and used: responses and requests of our own
clients and of the reference, before anything is redacted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import zlib
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import pytest
from rich.console import Console

from cimd_conformance.catalogue import catalogue_dir
from cimd_conformance.engine import roles_of, run_job
from cimd_conformance.evidence import Evidence, ExchangeRecord, Redactor
from cimd_conformance.model import AnyEvent, Job, RunStarted, encode_event
from cimd_conformance.reports.console import ConsoleWriter, Volume
from cimd_conformance.reports.document import JsonWriter
from cimd_conformance.reports.html import HtmlWriter
from cimd_conformance.reports.junit import JunitWriter
from cimd_conformance.reports.ndjson import NdjsonWriter
from cimd_conformance.reports.transcript import TranscriptWriter

OPAQUE = {
    "code",
    "code_verifier",
    "access_token",
    "refresh_token",
    "password",
    "token",
    "client_assertion",
    "csrf",
    "csrf_token",
    "request",
    "transaction",
}
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.([\w-]+)")
WORD = re.compile(r"[\w.~+/=-]+")
KNOWN_WORDS = {"none", "code"}


class Collector:
    """The raw secrets of a run, by what they are."""

    def __init__(self) -> None:
        self.secrets: dict[str, set[str]] = {}
        self.public: set[str] = set()
        """Sent as a secret by some attack, but known to everybody."""

    def add(self, kind: str, value: object) -> None:
        if not isinstance(value, str) or len(value) < 8 or value in KNOWN_WORDS:
            return
        jwt = JWT.fullmatch(value)
        if jwt is not None:
            self.secrets.setdefault("signature", set()).add(jwt[1])
        elif not value.startswith("eyJ"):
            self.secrets.setdefault(kind, set()).add(value)

    def take(self, record: ExchangeRecord) -> None:
        """Look through one exchange, as it was on the wire."""
        self._headers(record.headers)
        self._pairs(record.url.partition("?")[2])
        self._body(record.body.decode("utf-8", "replace"))
        if record.response is not None:
            self._headers(record.response.headers)
            self._body(record.response.text)

    def _headers(self, headers: tuple[tuple[str, str], ...]) -> None:
        for name, value in headers:
            match name.lower():
                case "set-cookie":
                    self.add("cookie", value.partition(";")[0].partition("=")[2])
                case "cookie":
                    for pair in value.split("; "):
                        self.add("cookie", pair.partition("=")[2])
                case "authorization":
                    self.add("credential", value.partition(" ")[2])
                case "location":
                    self._pairs(value.partition("?")[2])
                case _:
                    pass

    def _pairs(self, text: str) -> None:
        for name, value in parse_qsl(text):
            if name in OPAQUE:
                self.add(name, value)
            elif name == "code_challenge":
                self.public.add(value)

    def _body(self, text: str) -> None:
        self._pairs(text)
        for name, value in re.findall(r'name="([^"]+)"[^>]*value="([^"]+)"', text):
            if name in OPAQUE:
                self.add("hidden field", value)
        try:
            self._json(json.loads(text))
        except (ValueError, RecursionError):
            return

    def _json(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                if name in OPAQUE:
                    self.add(name, item)
                if name == "d":
                    self.add("private key", item)
                self._json(item)
        elif isinstance(value, list):
            for item in value:
                self._json(item)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Collector:
    """Collect from every exchange and every secret that a flow learns."""
    found = Collector()
    exchange, secret = Evidence.exchange, Redactor.secret

    def collect(
        self: Evidence, scenario: str, redactor: Redactor, record: ExchangeRecord
    ) -> int:
        found.take(record)
        return exchange(self, scenario, redactor, record)

    def learn(self: Redactor, kind: str, value: str) -> str:
        if kind in ("code", "code-verifier", "access-token", "refresh-token"):
            found.add(kind, unquote(value))
        return secret(self, kind, value)

    monkeypatch.setattr(Evidence, "exchange", collect)
    monkeypatch.setattr(Redactor, "secret", learn)
    return found


def _transcripts(events: list[AnyEvent]) -> str:
    """Return what `replay` would show, of every scenario."""
    screen = StringIO()
    console = Console(file=screen, width=200, force_terminal=False)
    writers: dict[str, TranscriptWriter] = {}
    for event in events:
        if isinstance(event, RunStarted):
            for planned in event.plan:
                writers[planned.id] = writer = TranscriptWriter(planned.id, console)
                writer.event(msgspec.structs.replace(event, plan=[planned]))
        name = getattr(event, "scenario", None) or getattr(event, "id", None)
        if name in writers:
            writers[name].event(event)
    return screen.getvalue()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("role", [role.value for role in roles_of("all")])
async def test_no_secret_is_in_any_artefact(
    tmp_path: Path, collector: Collector, role: str
) -> None:
    screen = StringIO()
    console = Console(file=screen, width=200, force_terminal=False)
    writers: list[Any] = [
        NdjsonWriter(str(tmp_path / "out.ndjson")),
        JsonWriter(str(tmp_path / "out.json"), everything=True),
        JunitWriter(str(tmp_path / "out.xml"), replay="replay"),
        HtmlWriter(str(tmp_path / "out.html"), replay="replay"),
        ConsoleWriter(console, volume=Volume.VERBOSE, replay="replay"),
    ]
    stream: list[bytes] = []
    seen: list[AnyEvent] = []

    def emit(event: AnyEvent) -> None:
        seen.append(event)
        stream.append(encode_event(event))
        for writer in writers:
            writer.event(event)

    now = asyncio.get_running_loop().time
    code = await run_job(Job(role=role), emit, now, asyncio.Event())
    assert code == 0
    for writer in writers:
        writer.finish()
    artefacts = {
        "events": b"\n".join(stream).decode(),
        "ndjson": (tmp_path / "out.ndjson").read_text("utf-8"),
        "json": (tmp_path / "out.json").read_text("utf-8"),
        "junit": (tmp_path / "out.xml").read_text("utf-8"),
        "html": (tmp_path / "out.html").read_text("utf-8"),
        "packs": _unpacked((tmp_path / "out.html").read_text("utf-8")),
        "console": screen.getvalue(),
        "transcripts": _transcripts(seen),
    }
    assert all(len(text) > 1000 for text in artefacts.values())
    files = (file.read_text("utf-8") for file in catalogue_dir().rglob("*.toml"))
    written = "\n".join(files)
    kinds = {
        kind: {s for s in secrets if s not in written and s not in collector.public}
        for kind, secrets in collector.secrets.items()
    }
    assert sum(map(len, kinds.values())) > 50, kinds.keys()
    words = {name: _words(text) for name, text in artefacts.items()}
    leaks = sorted(
        f"{kind} {secret[:6]}… in {name}"
        for kind, secrets in kinds.items()
        for secret in secrets
        for name, text in (words if WORD.fullmatch(secret) else artefacts).items()
        if secret in text
    )
    assert not leaks, leaks[:20]


def _words(text: str) -> str:
    """Return every word of a text once: thousands of secrets are looked for in it."""
    return "\n".join(set(WORD.findall(text)))


def _unpacked(page: str) -> str:
    """Return the evidence that the page holds compressed."""
    packs = re.findall(r'id="pack-\d+">([^<]*)</script>', page)
    return "".join(zlib.decompress(base64.b64decode(p)).decode() for p in packs)


def test_the_collector_finds_what_there_is(collector: Collector) -> None:
    """A test of the test: every kind of secret is seen on the wire."""
    asyncio.run(
        run_job(
            Job(role="authorization-server", only=["as/flow/*", "as/refresh/*"]),
            lambda _event: None,
            lambda: 0.0,
            asyncio.Event(),
        )
    )
    assert collector.secrets.keys() >= {
        "code",
        "code_verifier",
        "refresh_token",
        "password",
        "cookie",
        "signature",
    }
