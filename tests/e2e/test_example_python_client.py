"""The example client completes its flow against `serve`, with both kinds of keys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from serve_support import Served, free_port, run_cli

EXAMPLE = Path(__file__).parents[2] / "examples" / "python-client" / "client.py"


def _example(folder: Path, server: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE), "--server", server, "--auto", *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_the_example_gets_a_token_and_calls_the_tool(tmp_path: Path, alg: str) -> None:
    url = f"https://localhost:{free_port()}/client.json"
    callback = f"http://127.0.0.1:{free_port()}/callback"
    certs = ["certs", "--out", "pki", "--keep-key", "--leaf", "localhost"]
    client = ["new-client", "--out", "my-client", "--url", url, "--alg", alg]
    for arguments in (certs, [*client, "--redirect-uri", callback]):
        assert run_cli(*arguments, cwd=tmp_path).returncode == 0
    with Served(tmp_path, "--certs", "pki") as served:
        done = _example(tmp_path, served.facts["resource"])
        assert done.returncode == 0, done.stdout + done.stderr + served.stderr
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert said["published"] == url
    assert said["signed"].startswith(f"the assertion with {alg}")
    assert json.loads(said["called"]) == {
        "sub": "alice",
        "client_id": url,
        "scope": "mcp:read",
    }


def test_the_example_stops_at_a_server_that_is_none(tmp_path: Path) -> None:
    url = f"https://localhost:{free_port()}/client.json"
    certs = ["certs", "--out", "pki", "--keep-key", "--leaf", "localhost"]
    run_cli(*certs, cwd=tmp_path)
    run_cli("new-client", "--out", "my-client", "--url", url, cwd=tmp_path)
    with Served(tmp_path, "--certs", "pki") as served:
        nothing = served.facts["document_host"] + "/mcp"
        done = _example(tmp_path, nothing)
    assert done.returncode == 1
    assert "stopped: 401 was expected" in done.stderr
