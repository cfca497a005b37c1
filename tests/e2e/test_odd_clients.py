"""Odd clients get the verdicts that they deserve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[1] / "miniatures" / "odd_client.py"
TARGET = """\
schema = 1
name = "Odd client"
role = "agent-host"

[client]
command = ["{{python}}", {script}, "{mode}"]
seconds = {seconds}

[client.env]
CLIENT_ID = "{{client_id}}"
REDIRECT_URI = "{{redirect_uri}}"
CA_FILE = "{{ca_file}}"

[limits]
jobs = 4
grace = 0.05
"""


def run(folder, mode, *only, seconds=20.0):
    """Return the exit code, the counts and the statuses of a run on loopback."""
    file, result = folder / "target.toml", folder / "result.json"
    script = json.dumps(str(CLIENT))
    file.write_text(TARGET.format(script=script, mode=mode, seconds=seconds))
    chosen = [word for glob in only for word in ("--only", glob)]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "cimd_conformance", "run", str(file), "-q"),
            *("--network", "loopback", "--json", str(result), *chosen),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    assert result.exists(), ended.stdout + ended.stderr
    document = json.loads(result.read_text())
    statuses = {one["id"]: one["status"] for one in document["scenarios"]}
    return ended.returncode, document["counts"], statuses


@pytest.mark.parametrize("mode", ["idle", "hangs", "crashes"])
def test_a_client_that_does_nothing_proves_nothing(tmp_path, mode):
    only = ("agent/flow/*", "agent/response/state", "agent/authorization/*")
    code, counts, statuses = run(tmp_path, mode, *only, seconds=1.0)
    assert code == 3
    assert counts.get("passed", 0) == 0
    assert counts.get("failed", 0) == 0
    assert statuses["agent/response/state"] == "inconclusive"


def test_a_client_that_ignores_every_check_fails(tmp_path):
    only = ("agent/discovery/*", "agent/response/*", "agent/authorization/*")
    code, counts, statuses = run(tmp_path, "yes-man", *only)
    assert code == 1
    assert counts.get("inconclusive", 0) == 0, statuses
    assert counts.get("error", 0) == 0
    for name in (
        "agent/response/state",
        "agent/response/state-missing",
        "agent/response/iss-missing",
        "agent/response/iss-mismatch[announced]",
        "agent/response/mix-up",
        "agent/discovery/issuer-mismatch",
        "agent/discovery/resource-mismatch[other-host]",
        "agent/discovery/token-for-victim",
        "agent/discovery/pkce-absent",
        "agent/authorization/dangerous-scheme[javascript]",
        "agent/authorization/fresh-values",
    ):
        assert statuses[name] in ("failed", "warned"), name
    for name in (
        "agent/discovery/root-fallback",
        "agent/discovery/issuer-with-path[openid-appended]",
        "agent/response/iss-absent",
    ):
        assert statuses[name] == "passed", name


def test_a_url_on_the_output_is_opened(tmp_path):
    code, counts, _ = run(tmp_path, "prints", "agent/response/iss-absent")
    assert (code, counts["passed"]) == (0, 1)
