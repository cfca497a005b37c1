"""A real client against our servers: the OAuth client of the `mcp` SDK, as shipped.

It is known by the URL of a document that is not ours either, steps up when a tool takes
more scope, and speaks both forms of the protocol.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serve_support import Served, free_port, run_cli

from cimd_testbed.net import HttpClient, LoopbackNetwork
from cimd_testbed.parties import Browser, Credentials

CLIENT = Path(__file__).parent / "mcp_client" / "client.py"
LOCK = CLIENT.with_name("requirements.txt")
SECONDS = 60
CALLBACK = "http://127.0.0.1:8749/callback"
"""Nobody listens there: the test hands over where the browser was sent."""

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def python() -> str:
    """Return the interpreter of a venv with the SDK, made once per lock file."""
    base = os.environ.get("CIMD_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    folder = root / "cimd-conformance" / f"mcp-client-{digest[:12]}"
    interpreter = folder / "bin" / "python"
    done = folder / ".prepared"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "-r", str(LOCK)]
        install = subprocess.run(pip, capture_output=True, text=True, check=False)
        assert install.returncode == 0, install.stdout + install.stderr
        done.touch()
    return str(interpreter)


@contextmanager
def document_host(folder: Path, pki: Path, port: int) -> Iterator[list[str]]:
    """Publish a folder over https, with a leaf of the CA; gives what was asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pki / "localhost.pem", pki / "localhost-key.pem")
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


async def go(url: str, served: Served) -> str:
    """Play the person: log in, approve; return where the browser is sent."""
    network = LoopbackNetwork()
    client = HttpClient(
        network.dialer("person"), network.resolver("person"), served.trust
    )
    issuer = frozenset({served.facts["issuer"]})
    person = Credentials(**served.facts["users"][0])
    browser = Browser(client, person, issuer, lambda *_exchange: None)
    landing = await browser.visit(url)
    await client.close()
    assert landing.location is not None, landing.page and landing.page.text
    return landing.location


def converse(arguments: list[str], served: Served) -> tuple[dict[str, Any], list[str]]:
    """Run the client; return what it says at last, and the URLs it sent people to."""
    errors = served.folder / "client.err"
    urls: list[str] = []
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "SSL_CERT_FILE": served.facts["ca_file"]},
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        last = ""
        for line in process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "authorize":
                urls.append(rest)
                process.stdin.write(f"{asyncio.run(go(rest, served))}\n")
                process.stdin.flush()
            else:
                last = line
        watchdog.cancel()
    assert process.returncode == 0, errors.read_text() + served.stderr
    return json.loads(last), urls


@pytest.mark.parametrize(
    ("mode", "protocol"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")]
)
def test_the_sdk_client_completes_its_flow(
    tmp_path: Path, python: str, mode: str, protocol: str
) -> None:
    port = free_port()
    document = f"https://localhost:{port}/client.json"
    certs = ["certs", "--out", "pki", "--keep-key", "--leaf", "localhost"]
    client = ["new-client", "--out", "sdk", "--auth", "none", "--url", document]
    for arguments in (certs, [*client, "--redirect-uri", CALLBACK]):
        assert run_cli(*arguments, cwd=tmp_path).returncode == 0
    with (
        document_host(tmp_path / "sdk", tmp_path / "pki", port) as asked,
        Served(tmp_path, "--certs", "pki") as served,
    ):
        argv = [python, str(CLIENT), served.facts["resource"], document, CALLBACK, mode]
        about, urls = converse(argv, served)
    assert about["protocol"] == protocol
    assert "whoami" in about["tools"]
    assert about["whoami"]["sub"] == "alice"
    assert about["whoami"]["client_id"] == document
    assert about["signed"] == {"written": 1}
    assert "mcp:write" in about["scope"].split()
    assert len(urls) == 2, "once for whoami, once more for sign_guest_book"
    assert set(asked) == {"/client.json"}
    assert "tool server: POST /mcp 403\n" in served.stderr
