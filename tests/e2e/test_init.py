"""`init`: from a start command alone to a file with which the suite runs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from suite_support import MODULE, ODD_SERVER

from cimd_conformance.target import TargetFile, load_target
from cimd_testbed.net.lab import lab_available

MINIATURES = ODD_SERVER.parent
PLAIN = [sys.executable, str(MINIATURES / "plain_server.py")]
TOOLS = str(Path(__file__).with_name("tool_server_miniature.py"))
needs_lab = pytest.mark.skipif(bool(lab_available()), reason="there is no lab here")


@dataclass
class Found:
    """How a call of `init` ended."""

    folder: Path
    code: int
    said: str

    @property
    def text(self) -> str:
        return (self.folder / "target.toml").read_text("utf-8")

    @property
    def words(self) -> str:
        """The text, with its comments on one line."""
        return " ".join(self.text.replace("\n# ", " ").split())

    @property
    def file(self) -> TargetFile:
        return load_target(self.folder / "target.toml")

    def run(self, *more: str) -> dict[str, str]:
        """Run the suite with the file as it was written."""
        words = [*MODULE, "run", "target.toml", "--json", "out.json", *more]
        done = subprocess.run(
            words,
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=90,
        )
        report = self.folder / "out.json"
        assert report.exists(), done.stderr
        found = json.loads(report.read_bytes())["scenarios"]
        return {one["id"]: one["status"] for one in found}


def init(folder: Path, *words: str, network: str = "loopback") -> Found:
    """Call `init` in a folder."""
    command = [*MODULE, "init", "--network", network, "--seconds", "10", *words]
    done = subprocess.run(
        command, check=False, cwd=folder, capture_output=True, text=True, timeout=110
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return Found(folder, done.returncode, done.stderr)


def plain(folder: Path, *quirks: str, more: tuple[str, ...] = ()) -> Found:
    return init(folder, *more, "--", *PLAIN, *quirks, network="lab")


# --- authorization servers, in the lab ----------------------------------------------


@needs_lab
@pytest.mark.lab
def test_variables_members_and_an_accommodation_are_found(tmp_path: Path) -> None:
    told = ("--port-from", "env:LISTEN_PORT", "--url-from", "BASE_URL")
    found = plain(tmp_path, *told, "audience", "wants:contacts")
    assert found.code == 0, found.said
    file = found.file
    assert file.server.env == {"LISTEN_PORT": "{port}", "BASE_URL": "{origin}"}
    assert file.client_document == {"contacts": ["security@example.com"]}
    assert [one.what for one in file.accommodation] == ["assertion-audience"]
    assert file.accommodation[0].value == "{token_endpoint}"
    assert "bad audience" in file.accommodation[0].because
    assert (file.resource.scope, file.resource.shown_by) == ("mcp:read", "call")
    assert "# TODO" not in found.text
    statuses = found.run("--only", "as/flow/*", "--only", "as/redirect-uri/near-miss")
    assert statuses.pop("as/flow/public-client") == "passed"
    assert "inconclusive" not in statuses.values()


@needs_lab
@pytest.mark.lab
def test_a_fixed_port_and_two_deviations_at_once(tmp_path: Path) -> None:
    told = ("--port-from", "fixed:4567", "--url-from", "ISSUER")
    found = plain(tmp_path, *told, "audience", "untyped")
    assert found.code == 0, found.said
    file = found.file
    assert file.server.port == 4567
    assert file.server.env == {"ISSUER": "{origin}"}
    assert file.server.start[-1] == "untyped"
    whats = {one.what for one in file.accommodation}
    assert whats == {"assertion-audience", "assertion-without-type"}


@needs_lab
@pytest.mark.lab
def test_an_option_a_missing_variable_and_no_resource(tmp_path: Path) -> None:
    told = ("--url-from", "PUBLIC_URL", "needs:ISSUER_URL")
    found = plain(tmp_path, *told, "no-resource", "by-reference")
    assert found.code == 0, found.said
    file = found.file
    assert file.server.start[-2:] == ["--port", "{port}"]
    assert file.server.env == {"PUBLIC_URL": "{origin}", "ISSUER_URL": "{origin}"}
    whats = [one.what for one in file.accommodation]
    assert whats == ["no-resource", "jwks-uri-only"]


@needs_lab
@pytest.mark.lab
def test_a_server_that_calls_itself_localhost_works_and_is_told(tmp_path: Path) -> None:
    found = plain(tmp_path)
    assert found.code == 3
    assert found.file.server.issuer == "http://localhost:{port}"
    assert "--env NAME='{origin}'" in found.said
    assert "3 legitimate flows seen to work, 1 to do" in found.said
    statuses = found.run("--only", "as/flow/public-client")
    assert set(statuses.values()) == {"passed"}


@needs_lab
@pytest.mark.lab
def test_a_login_needs_somebody_who_can(tmp_path: Path) -> None:
    told = ("--url-from", "PUBLIC_URL", "login:alice:in wonderland")
    found = plain(tmp_path, *told)
    assert found.code == 3
    assert "login" in next(line for line in found.said.splitlines() if "to do" in line)
    user = ("--force", "--user", "alice:in wonderland")
    again = plain(tmp_path, *told, more=user)
    assert again.code == 0, again.said
    assert [one.username for one in again.file.login.users] == ["alice"]


@needs_lab
@pytest.mark.lab
def test_what_does_not_work_is_written_all_the_same(tmp_path: Path) -> None:
    found = plain(tmp_path, "--url-from", "PUBLIC_URL", "broken")
    assert found.code == 3
    assert found.file.server.env == {"PUBLIC_URL": "{origin}"}
    assert "# TODO" in found.text
    assert "the database is on fire" in found.words
    assert "cimd-conformance doctor target.toml" in found.said


# --- loopback: any machine ----------------------------------------------------------


def test_placeholders_in_the_command(tmp_path: Path) -> None:
    command = ("--", sys.executable, str(ODD_SERVER), "plain", "{port}", "{origin}")
    found = init(tmp_path, *command)
    assert found.code == 0, found.said
    assert found.file.resource.shown_by == "call"
    statuses = found.run("--only", "as/redirect-uri/unlisted-host")
    assert set(statuses.values()) == {"failed"}


@pytest.fixture
def running() -> Iterator[str]:
    """Give the URL of a server that runs already."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://localhost:{port}"
    words = [sys.executable, str(ODD_SERVER), "plain", str(port), origin]
    process = subprocess.Popen(words)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def test_a_server_that_runs_already(tmp_path: Path, running: str) -> None:
    found = init(tmp_path, running)
    assert found.code == 0, found.said
    issuer = running.replace("127.0.0.1", "localhost")
    assert found.file.server.issuer == issuer
    assert found.file.resource.uri == f"{issuer}/mcp"
    assert found.file.server.start == []
    statuses = found.run("--only", "as/flow/public-client", "--network", "loopback")
    assert set(statuses.values()) == {"passed"}


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("https://as.example.com", 2, "error[remote-target]"),
        ("http://127.0.0.1:9", 3, "Nobody answers at http://127.0.0.1:9"),
    ],
)
def test_a_server_that_cannot_be_asked(
    tmp_path: Path, url: str, code: int, said: str
) -> None:
    found = init(tmp_path, url)
    assert found.code == code
    assert said in found.said


def test_a_tool_server(tmp_path: Path) -> None:
    command = ("--", sys.executable, TOOLS, "any-token", "{port}", "{issuer}")
    found = init(tmp_path, *command)
    assert found.code == 0, found.said
    file = found.file
    assert file.role == "tool-server"
    assert file.server.ready == "/.well-known/oauth-protected-resource/mcp"
    assert file.resource.scope == "tools"
    assert file.tool.call is not None
    assert file.tool.effect is not None
    assert (file.tool.call.name, file.tool.effect.name) == ("write", "read")
    only = "ts/token/garbage*"
    assert set(found.run("--only", only, "--network", "loopback").values()) <= {
        "failed",
        "not-applicable",
    }


def test_a_tool_server_that_takes_no_token(tmp_path: Path) -> None:
    command = ("--", sys.executable, TOOLS, "closed", "{port}", "{issuer}")
    found = init(tmp_path, *command)
    assert found.code == 3
    assert "never asked our issuer" in found.words


@pytest.mark.parametrize("role", [("--role", "agent-host"), ()])
def test_a_client(tmp_path: Path, role: tuple[str, ...]) -> None:
    client = str(MINIATURES / "odd_client.py")
    found = init(tmp_path, *role, "--", sys.executable, client, "yes-man")
    assert found.code == 0, found.said
    file = found.file
    assert file.role == "agent-host"
    assert file.client.env["REDIRECT_URI"] == "{redirect_uri}"
    assert file.client.env["CA_FILE"] == "{ca_file}"
    assert "connect" in found.said
    attack = "agent/authorization/fresh-values"
    statuses = found.run("--network", "loopback", "--only", attack)
    assert set(statuses.values()) == {"failed"}


# --- mistakes -----------------------------------------------------------------------


def test_a_file_is_not_replaced_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text("precious")
    found = init(tmp_path, "--", "true")
    assert found.code == 2
    assert "error[file-exists]" in found.said
    assert found.text == "precious"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--", "no-such-program"), "error[not-started]"),
        (("--env", "PORT", "--", "true"), "--env takes NAME=VALUE"),
        (("--user", "alice", "--", "true"), "--user takes NAME:VALUE, and got 'alice'"),
        (("--", "true", "{prot}"), "The placeholder {prot} is unknown"),
        (("http://127.0.0.1:9", "--force"), "Options come before the URL"),
        (("--network", "lab", "http://127.0.0.1:9"), "error[lab-not-shared]"),
    ],
)
def test_mistakes_of_the_caller(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    found = init(tmp_path, *words)
    assert found.code == 2
    assert said in found.said
    assert not (tmp_path / "target.toml").exists()


def test_a_command_that_asks_for_what_nobody_can_guess(tmp_path: Path) -> None:
    complaint = (
        "import sys; sys.exit('fatal: LICENSE_KEY is required, token=abcdefgh1')"
    )
    found = init(tmp_path, "--", sys.executable, "-c", complaint)
    assert found.code == 3
    assert "--env LICENSE_KEY=" in found.said
    assert "abcdefgh1" not in found.said.replace(complaint, "")
    assert "# TODO" in found.text


SLEEPS = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)]
)
def test_an_interruption_ends_everything_and_keeps_what_was_found(
    tmp_path: Path, number: int, code: int
) -> None:
    words = [*MODULE, "init", "--network", "loopback", "--env", "A={port}", "--"]
    process = subprocess.Popen(
        [*words, sys.executable, "-c", SLEEPS],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = tmp_path / "pid"
    deadline = time.monotonic() + 20
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert "was stopped" in (tmp_path / "target.toml").read_text()
    assert load_target(tmp_path / "target.toml").server.env["A"] == "{port}"
    assert "Traceback" not in said
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid.read_text()}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid.read_text()}/cmdline").exists()
