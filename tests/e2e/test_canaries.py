"""A target that talks about all its secrets: none of them is in any artefact.

Whatever is secret there begins with `cnry`, so a leak is found without knowing it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
import zlib
from pathlib import Path

import pytest
from suite_support import MODULE

from cimd_conformance.cli import run_cli
from cimd_testbed.net.lab import lab_available

SERVER = Path(__file__).parents[1] / "miniatures" / "talkative_server.py"
PIN = "cnry-Horse 7+batt/ery&staple?=é"
SECRET = "cnrySecretOfTheApplication"
INTROSPECTION = "cnryIntro/spection+9"
TARGET = f"""\
schema = 1
name = "Talkative"
role = "authorization-server"

[server]
start = ["{{python}}", {json.dumps(str(SERVER))}, "{{port}}", "{{origin}}"]

[server.env]
APP_SECRET = "{SECRET}"
LOGIN_PIN = {json.dumps(PIN, ensure_ascii=False)}
INTROSPECTION = "{INTROSPECTION}"

[[login.users]]
username = "alice"
password = {json.dumps(PIN, ensure_ascii=False)}

[resource]
uri = "{{origin}}/mcp"
scope = "mcp:read"
shown_by = "introspection"
client_id = "resource-server"
client_secret = "{INTROSPECTION}"

[limits]
grace = 0.05
seconds = 3.0
"""
BASIC = [
    base64.b64encode(f"resource-server:{secret}".encode()).decode()
    for secret in (INTROSPECTION, "cnryIntro%2Fspection%2B9")
]
FORMS = re.compile("|".join(["cnry", "Y25ye", *map(re.escape, BASIC)]), re.IGNORECASE)
SCENARIOS = (
    *("as/flow/public-client", "as/redirect-uri/unlisted-host", "as/code/replay"),
    *("as/pkce/wrong-verifier", "as/redirect-uri/near-miss"),
)
ENDINGS = {"--json": "json", "--ndjson": "ndjson", "--junit": "xml", "--html": "html"}


def available(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the options that write a report, those that there are by now."""
    run_cli(["run", "--help"])
    said = capsys.readouterr().out
    return [option for option in ENDINGS if f"  {option} " in said]


class Talkative:
    """The target, and what the suite wrote about it."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.folder = folder
        self.file = folder / "target.toml"
        self.file.write_text(TARGET, "utf-8")
        self.reports = [
            word for option in options for word in (option, f"out.{ENDINGS[option]}")
        ]
        self.artefacts: dict[str, str] = {}

    def run(self, name: str, *words: str) -> int:
        """Run a command of the suite, and keep what it says and writes."""
        done = subprocess.run(
            [*MODULE, *words],
            capture_output=True,
            cwd=self.folder,
            timeout=120,
            check=False,
        )
        self.artefacts[f"{name} stdout"] = done.stdout.decode("utf-8", "replace")
        self.artefacts[f"{name} stderr"] = done.stderr.decode("utf-8", "replace")
        for file in self.folder.glob("out.*"):
            self.artefacts[f"{name} {file.name}"] = file.read_text("utf-8")
        return done.returncode

    def suite(self, name: str, *more: str, network: str = "loopback") -> int:
        only = [word for each in SCENARIOS for word in ("--only", each)]
        words = ["run", "target.toml", "--network", network, *only, *self.reports]
        return self.run(name, *words, *more)

    def with_env(self, line: str) -> None:
        text = self.file.read_text("utf-8")
        self.file.write_text(text.replace("[[login", f"{line}\n\n[[login"), "utf-8")

    def assert_silent(self) -> None:
        """Demand that no artefact holds a canary, nor a form of one."""
        leaks = [
            f"{name}: …{text[max(found.start() - 60, 0) : found.end() + 40]}…"
            for name, shown in self.artefacts.items()
            for text in [shown, *packed(shown)]
            for found in FORMS.finditer(text)
        ]
        assert not leaks, f"{len(leaks)} leaks\n" + "\n".join(leaks[:10])


def packed(text: str) -> list[str]:
    """Return what is compressed inside an artefact."""
    found = []
    for chunk in re.findall(r"[A-Za-z0-9+/]{200,}={0,2}", text):
        try:
            content = zlib.decompress(base64.b64decode(chunk), wbits=47)
        except (zlib.error, binascii.Error, ValueError):
            continue
        found.append(content.decode("utf-8", "replace"))
    return found


@pytest.fixture
def talkative(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Talkative:
    return Talkative(tmp_path, available(capsys))


@pytest.mark.parametrize(
    "network", ["loopback", pytest.param("lab", marks=pytest.mark.lab)]
)
def test_no_artefact_of_a_run_holds_a_canary(
    talkative: Talkative, network: str
) -> None:
    if network == "lab" and (reason := lab_available()):
        pytest.skip(reason)
    assert talkative.suite("verbose", "--verbose", network=network) == 1
    if network == "loopback":
        assert talkative.suite("normal", network=network) == 1
        assert talkative.suite("quiet", "--quiet", network=network) == 1
    failed = "as/redirect-uri/unlisted-host"
    for file in ("out.json", "out.ndjson"):
        assert talkative.run(f"replay {file}", "replay", failed, file) == 1
    said = talkative.artefacts
    assert "target: issued ‹opaque-" in said["verbose stdout"]
    assert "passed  control/" in said["replay out.json stdout"]
    assert "?txn_id=‹txn-id-1›" in said["replay out.json stdout"]
    assert {Path(name.split()[1]).suffix for name in said if " out." in name} >= {
        f".{ending}" for ending in ENDINGS.values()
    }
    assert packed(said["verbose out.html"])
    talkative.assert_silent()


def test_last_words_hold_no_canary(talkative: Talkative) -> None:
    talkative.with_env('DIES_AFTER = "2"')
    assert talkative.suite("dies", "--verbose") == 3
    assert "fatal: cannot go on with ‹env-" in talkative.artefacts["dies stdout"]
    talkative.assert_silent()


def test_the_error_of_a_failed_start_holds_no_canary(talkative: Talkative) -> None:
    talkative.with_env('DIES_AT_ONCE = "1"')
    assert talkative.suite("never up") == 3
    assert "fatal: wrong secret ‹env-" in talkative.artefacts["never up stderr"]
    talkative.assert_silent()


def test_a_failed_login_holds_no_canary(talkative: Talkative) -> None:
    wrong = json.dumps(PIN + "-old", ensure_ascii=False)
    talkative.with_env(f"LOGIN_PIN = {wrong}")
    text = talkative.file.read_text("utf-8")
    first = f"LOGIN_PIN = {json.dumps(PIN, ensure_ascii=False)}\n"
    talkative.file.write_text(text.replace(first, "", 1), "utf-8")
    assert talkative.suite("login", "--verbose") == 3
    talkative.assert_silent()


@pytest.mark.parametrize("command", ["doctor"])
def test_other_commands_hold_no_canary(
    talkative: Talkative, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    run_cli(["--help"])
    if f"\n  {command} " not in capsys.readouterr().out:
        pytest.skip(f"there is no {command} yet")
    talkative.run(command, command, "target.toml", "--network", "loopback")
    assert talkative.artefacts[f"{command} stdout"]
    talkative.assert_silent()


def test_a_leak_would_be_found(talkative: Talkative) -> None:
    """A test of the test: each form of a canary is recognised."""
    hidden = base64.b64encode(zlib.compress(b"x" * 900 + b"CNRY1" * 200)).decode()
    for text in ("CNRY12", *BASIC, base64.b64encode(b"cnry" * 12).decode()):
        talkative.artefacts = {"a": text}
        with pytest.raises(AssertionError, match="leaks"):
            talkative.assert_silent()
    assert packed(f'"{hidden}"') or len(hidden) < 200
