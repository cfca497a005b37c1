"""`doctor` on a broken target file of each common kind: the cause, and the mend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from suite_support import MODULE, ODD_SERVER, Miniature

from cimd_certs import Authority
from cimd_conformance.reports.schemas import load_schema
from cimd_testbed.net.lab import lab_available

PLAIN = str(ODD_SERVER.parent / "plain_server.py")
CLIENT = str(ODD_SERVER.parent / "odd_client.py")
TOOLS = str(Path(__file__).with_name("tool_server_miniature.py"))
needs_lab = pytest.mark.skipif(bool(lab_available()), reason="there is no lab here")

SERVER = """\
schema = 1
name = "Plain"
role = "authorization-server"

[server]
start = ["{{python}}", {script}, "--port-from", "env:PORT", "--url-from", "URL"{quirks}]
issuer = "{{origin}}"
ready_seconds = 20.0

[server.env]
PORT = "{{port}}"
URL = "{{origin}}"

[resource]
uri = "{{origin}}/mcp"
scope = "mcp:read"
shown_by = "call"

[limits]
seconds = 5.0
"""


@dataclass
class Seen:
    """What `doctor` found."""

    code: int
    out: str
    err: str
    document: dict[str, Any]

    @property
    def steps(self) -> list[str]:
        return [one["step"] for one in self.document["findings"]]

    @property
    def wrong(self) -> dict[str, Any]:
        """The last finding, the only one that may be wrong."""
        *before, last = self.document["findings"]
        assert {one["status"] for one in before} <= {"fine", "note"}
        assert last["status"] == "wrong", self.out
        return dict(last)


def doctor(folder: Path, text: str, network: str = "lab", **env: str) -> Seen:
    """Look at a target file."""
    (folder / "target.toml").write_text(text, "utf-8")
    words = [*MODULE, "doctor", "target.toml", "--network", network]
    done = subprocess.run(
        [*words, "--json", "doctor.json"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **env},
    )
    assert "Traceback (most recent call last)" not in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80 or "\n" in done.stdout
    document = json.loads((folder / "doctor.json").read_bytes())
    jsonschema.validate(document, load_schema("doctor"))
    assert document["exit_code"] == done.returncode
    return Seen(done.returncode, done.stdout, done.stderr, document)


def server(*quirks: str, **changes: str) -> str:
    """Return a target file for the miniature; `changes` are (old, new) by number."""
    more = "".join(f", {json.dumps(quirk)}" for quirk in quirks)
    return SERVER.format(script=json.dumps(PLAIN), quirks=more)


def edited(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


@needs_lab
def test_a_good_file_is_fine(tmp_path):
    found = doctor(tmp_path, server("login:alice:secret") + USERS)
    assert found.code == 0, found.out
    assert found.document["verdict"] == "fine"
    assert list(dict.fromkeys(found.steps)) == [
        *("file", "network", "start", "port", "ready", "names", "metadata"),
        *("features", "clock", "dns", "tls", "login", "control", "powers"),
    ]
    assert found.document["counts"]["run"] > 50
    assert "cimd-conformance run target.toml\n" in found.out
    controls = [one for one in found.document["findings"] if one["step"] == "control"]
    assert "authorization-code[auth=none] works; " in controls[0]["what"]
    assert {one["status"] for one in found.document["findings"]} == {"fine"}


USERS = '\n[[login.users]]\nusername = "alice"\npassword = "secret"\n'
SOON = ("ready_seconds = 20.0", "ready_seconds = 2.0")

BROKEN: dict[str, tuple[str, str, str, str, str]] = {
    # name: text, step, code, the first place, a part of the mend
    "wrong port": (
        edited(server(), SOON, ('"{port}"', '"8123"')),
        *("port", "wrong-port", "target.toml:10: server.env"),
        "`server.port = 8123`",
    ),
    "port in another variable": (
        edited(server(), SOON, ('PORT = "{port}"', 'MY_PORT = "{port}"')),
        *("port", "wrong-port", "target.toml:11: server.env.MY_PORT"),
        "write {port} into the variable or the argument",
    ),
    "wrong address": (
        edited(server("address:127.0.0.2"), SOON),
        *("port", "wrong-address", "target.toml:10: server.env"),
        "Let it listen on 127.0.0.1",
    ),
    "listens nowhere": (
        edited(
            server(),
            SOON,
            (f'"{{python}}", {json.dumps(PLAIN)}', '"sleep", "60"#'),
            ('#, "--port-from", "env:PORT", "--url-from", "URL"', ""),
        ),
        *("port", "not-listening", "target.toml:8: server.ready_seconds"),
        "raise `server.ready_seconds`",
    ),
    "no such program": (
        edited(server(), ("{python}", "no-such-program")),
        *("start", "not-started", "target.toml:6: server.start"),
        "a program that is on the PATH",
    ),
    "no such folder": (
        edited(server(), ("issuer =", 'cwd = "nowhere"\nissuer =')),
        *("start", "not-started", "target.toml:7: server.cwd"),
        "relative to the target file",
    ),
    "ends at once": (
        edited(server(), ("plain_server.py", "plain_serve.py")),
        *("start", "ended", "target.toml:6: server.start"),
        "its arguments in `server.start`",
    ),
    "misses a variable": (
        server("needs:TOKEN_KEY"),
        *("start", "variable-missing", "target.toml:10: add server.env.TOKEN_KEY"),
        "TOKEN_KEY = ",
    ),
    "never ready": (
        edited(server("unwell"), SOON),
        *("ready", "not-ready", "target.toml:5: add server.ready"),
        "a path that answers below 500",
    ),
    "wrong issuer": (
        edited(server(), ('issuer = "{origin}"', 'issuer = "{origin}/"')),
        *("metadata", "wrong-issuer", "target.toml:7: server.issuer"),
        '`server.issuer = "{origin}"`',
    ),
    "no metadata": (
        edited(server(), ('issuer = "{origin}"', 'issuer = "{origin}/tenant"'))
        + "\n# the miniature has metadata at its root alone\n",
        *("metadata", "no-metadata", "target.toml:7: server.issuer"),
        "`server.metadata`",
    ),
    "its public URL is not told": (
        edited(server(), ('URL = "{origin}"', "")),
        *("metadata", "endpoints-elsewhere", "target.toml:10: server.env"),
        'write "{origin}" there',
    ),
    "untrusted CA": (
        edited(server(), ("[resource]", 'SSL_CERT_FILE = "other.pem"\n[resource]')),
        *("tls", "untrusted-ca", "target.toml:14: server.env.SSL_CERT_FILE"),
        'SSL_CERT_FILE = "{bundle_file}"',
    ),
    "nobody can log in": (
        server("login:alice:secret"),
        *("login", "login-failed", "target.toml: add login.users"),
        "The file has no `login.users`",
    ),
    "wrong password": (
        server("login:alice:secret") + USERS.replace("secret", "guess"),
        *("login", "login-failed", "target.toml:22: login.users"),
        "a username and a password that the target knows",
    ),
    "login on another origin": (
        server("elsewhere:https://login.example.com/start"),
        *("login", "login-origin", "target.toml: add login.origins"),
        '`login.origins = ["https://login.example.com"]`',
    ),
    "a page without a form": (
        server("script"),
        *("login", "no-form", "target.toml: add login.driver"),
        "server-rendered login",
    ),
    "missing template member": (
        server("wants:contacts"),
        *("control", "document-member-missing"),
        "target.toml: add client_document.contacts",
        'contacts = ["security@example.com"]',
    ),
    "unknown scope": (
        edited(server(), ('scope = "mcp:read"', 'scope = "mcp:write"')),
        *("control", "scope-not-granted", "target.toml:16: resource.scope"),
        "`resource.scope`",
    ),
    "another scope is granted": (
        server("grants:openid"),
        *("control", "scope-not-granted", "target.toml:16: resource.scope"),
        'for instance "openid"',
    ),
    "another resource": (
        server("resource:/api"),
        *("control", "resource-unknown", "target.toml:15: resource.uri"),
        "`resource.uri`",
    ),
    "the resource is elsewhere": (
        edited(server("resource:/api"), ("{origin}/mcp", "{origin}/api")),
        *("control", "resource-wrong", "target.toml:15: resource.uri"),
        "the URL of the MCP endpoint",
    ),
    "wrong shown_by": (
        edited(server(), ('shown_by = "call"', 'shown_by = "jwks"')),
        *("control", "shown-by", "target.toml:17: resource.shown_by"),
        '`resource.shown_by = "call"`',
    ),
    "audience of assertions": (
        server("audience"),
        *("control", "assertion-audience", "target.toml: add accommodation"),
        'what = "assertion-audience"',
    ),
    "another assertion": (
        server("untyped"),
        *("control", "assertion-refused", "target.toml: add accommodation"),
        "assertion-type",
    ),
    "a fast clock": (
        server("ahead:300"),
        *("clock", "clock-skew", "target.toml:10: server.env"),
        "the system's clock",
    ),
}


@needs_lab
@pytest.mark.parametrize("name", BROKEN)
def test_the_cause_and_the_mend(tmp_path, name):
    (tmp_path / "other.pem").write_bytes(Authority().ca_pem)
    text, step, code, place, mend = BROKEN[name]
    found = doctor(tmp_path, text)
    wrong = found.wrong
    assert (wrong["step"], wrong["code"]) == (step, code), found.out
    assert found.code == 3
    assert wrong["places"][0] == place
    assert mend in wrong["mend"]
    said = " ".join(found.out.split())
    assert place in said
    assert f"Stopped at {step}: nothing behind it was looked at." in found.out


@needs_lab
def test_a_server_that_ends_tls_itself(tmp_path):
    leaf = Authority().leaf("localhost")
    pem = tmp_path / "leaf.pem"
    pem.write_bytes(leaf.key + leaf.certificate)
    found = doctor(tmp_path, edited(server(f"tls:{pem}"), SOON))
    assert (found.wrong["code"], found.wrong["step"]) == ("speaks-tls", "ready")
    assert found.wrong["places"][0] == "target.toml:6: server.start"


def test_a_file_that_does_not_load(tmp_path):
    found = doctor(tmp_path, edited(server(), ("shown_by", "shown")), "loopback")
    assert found.code == 2
    assert found.wrong["step"] == "file"
    assert found.wrong["what"].startswith("target.toml:17: ")


def test_a_file_that_is_not_there(tmp_path):
    command = [*MODULE, "doctor", "nowhere.toml"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "wrong file      target-not-found" in done.stdout


def test_what_prepare_cannot_do(tmp_path):
    text = edited(server(), ("issuer =", 'prepare = [["false"]]\nissuer ='))
    found = doctor(tmp_path, text, "loopback", CIMD_CACHE=str(tmp_path / "cache"))
    assert (found.code, found.wrong["step"]) == (3, "prepare")
    assert found.wrong["places"] == ["target.toml:7: server.prepare"]


def test_a_server_that_does_not_run_already(tmp_path):
    text = 'schema = 1\nname = "x"\nrole = "authorization-server"\n'
    text += '[server]\nissuer = "http://127.0.0.1:9"\nready_seconds = 0.5\n'
    found = doctor(tmp_path, text, "loopback")
    assert (found.code, found.wrong["code"]) == (3, "not-ready")
    assert found.wrong["places"][0] == "target.toml:5: server.issuer"


# --- tool servers -------------------------------------------------------------------

TOOL_SERVER = f"""\
schema = 1
name = "Tools"
role = "tool-server"

[server]
start = ["{{python}}", {json.dumps(TOOLS)}, "MODE", "{{port}}", "{{issuer}}"]
ready = "/.well-known/oauth-protected-resource/mcp"

[resource]
uri = "{{origin}}/mcp"
scope = "tools"

[tool]
call = {{ name = "write", arguments = {{ text = "{{marker}}" }} }}
effect = {{ name = "read" }}

[tokens]
audience = "{{resource}}"
"""
BROKEN_TOOLS = {
    "no such tool": (
        edited(TOOL_SERVER, ("MODE", "any-token"), ('"write"', '"wrte"')),
        *("tool-missing", "target.toml:14: tool.call", "read, write"),
    ),
    "no such effect": (
        edited(TOOL_SERVER, ("MODE", "any-token"), ('"read"', '"raed"')),
        *("tool-missing", "target.toml:15: tool.effect", "read, write"),
    ),
    "no marker": (
        edited(TOOL_SERVER, ("MODE", "any-token"), ("{marker}", "hello")),
        *("tool-effect", "target.toml:15: tool.effect", "does not show"),
    ),
    "wrong audience": (
        edited(
            TOOL_SERVER, ("MODE", "audience"), ('"{resource}"', '"https://example.com"')
        ),
        *("token-audience", "target.toml:18: tokens.audience", "wrong audience"),
    ),
    "another path": (
        edited(TOOL_SERVER, ("MODE", "any-token"), ("{origin}/mcp", "{origin}/sse")),
        *(
            "issuer-not-asked",
            "target.toml:5: add server.env",
            "never asked its issuer",
        ),
    ),
    "another issuer": (
        edited(TOOL_SERVER, ("MODE", "closed"), ("{issuer}", "https://example.com")),
        *("issuer-other", "target.toml:5: add server.env", "https://example.com"),
    ),
}


@pytest.mark.parametrize("name", BROKEN_TOOLS)
def test_a_tool_server(tmp_path, name):
    text, code, place, said = BROKEN_TOOLS[name]
    found = doctor(tmp_path, text, "loopback")
    assert (found.code, found.wrong["code"]) == (3, code), found.out
    assert found.wrong["places"][0] == place
    assert said in found.wrong["what"]


def test_a_good_tool_server(tmp_path):
    found = doctor(tmp_path, edited(TOOL_SERVER, ("MODE", "audience")), "loopback")
    assert found.code == 0, found.out
    assert found.steps[:7] == [
        *("file", "network", "start", "port", "ready", "metadata", "token")
    ]


# --- clients ------------------------------------------------------------------------

AGENT = f"""\
schema = 1
name = "Client"
role = "agent-host"

[client]
command = ["{{python}}", {json.dumps(CLIENT)}, "yes-man"]
seconds = 6.0

[client.env]
CLIENT_ID = "{{client_id}}"
REDIRECT_URI = "{{redirect_uri}}"
CA_FILE = "{{ca_file}}"
"""
BROKEN_CLIENTS = {
    "no such program": (
        edited(AGENT, ("{python}", "no-such-client")),
        *("start", "not-started", "target.toml:6: client.command"),
    ),
    "does nothing": (
        edited(AGENT, ("yes-man", "idle")),
        *("connect", "never-connected", "target.toml:6: client.command"),
    ),
    "untrusted CA": (
        edited(AGENT, ("{ca_file}", "other.pem")),
        *("tls", "untrusted-ca", "target.toml:9: client.env"),
    ),
    "prints its URL": (
        edited(
            AGENT, ("yes-man", "prints"), ("seconds", 'opens = ["browser"]\nseconds')
        ),
        *("opens", "url-on-output", "target.toml:7: client.opens"),
    ),
    "hangs": (
        edited(AGENT, ("yes-man", "hangs"), ("6.0", "2.0")),
        *("connect", "no-discovery", "target.toml:9: client.env"),
    ),
}


@pytest.mark.parametrize("name", BROKEN_CLIENTS)
def test_a_client(tmp_path, name):
    (tmp_path / "other.pem").write_bytes(Authority().ca_pem)
    text, step, code, place = BROKEN_CLIENTS[name]
    found = doctor(tmp_path, text, "loopback")
    wrong = found.wrong
    assert (found.code, wrong["step"], wrong["code"]) == (3, step, code), found.out
    assert wrong["places"][0] == place


def test_a_good_client(tmp_path):
    found = doctor(tmp_path, AGENT, "loopback")
    assert found.code == 0, found.out
    assert list(dict.fromkeys(found.steps)) == [
        *("file", "network", "start", "features", "clock", "tls", "opens", "login"),
        *("control", "powers"),
    ]


# --- the machine, and `run` ---------------------------------------------------------


@needs_lab
def test_this_machine():
    done = subprocess.run(
        [*MODULE, "doctor"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fine  network   lab: " in done.stdout
    assert done.stdout.endswith("\nAll is fine.\n")


def test_run_says_why_a_control_failed(tmp_path):
    miniature = Miniature(tmp_path, "form-loop")
    ended = miniature.run("as/redirect-uri/near-miss")
    (control,) = ended.document["controls"]
    assert control["code"] == "consent-loop"
    assert control["places"][0].endswith("target.toml: add login.driver")
    said = " ".join(ended.stdout.split())
    assert "cause A form without a password was sent to POST /authorize" in said
    assert f"cimd-conformance doctor {miniature.file}` goes through it" in said


def test_run_names_the_port_that_it_found(tmp_path):
    miniature = Miniature(tmp_path, "plain", ready_seconds=2.0)
    text = miniature.file.read_text().replace('"{port}"', '"8124"')
    miniature.file.write_text(text)
    done = miniature.run_raw()
    assert done.returncode == 3
    if sys.platform == "linux":
        assert "error[wrong-port]: The target listens on 127.0.0.1:8124" in done.stderr
        line = text.splitlines().index("[server.env]") + 1
        assert f"hint: {miniature.file}:{line}: server.env\n" in done.stderr
