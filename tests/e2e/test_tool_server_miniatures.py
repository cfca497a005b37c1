"""The suite against tool servers that are deliberately bad, and known to be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MINIATURE = Path(__file__).with_name("tool_server_miniature.py")
TARGET = """\
schema = 1
name = "Miniature"
role = "tool-server"

[server]
start = ["{{python}}", "{miniature}", "{mode}", "{{port}}", "{{issuer}}"]
ready = "/.well-known/oauth-protected-resource/mcp"

[resource]
uri = "{{origin}}/mcp"
scope = "tools"

[tool]
{tool}
"""
BY_NAME = """\
call = { name = "write", arguments = { text = "{marker}" } }
effect = { name = "read" }
"""


def run(folder: Path, mode: str, tool: str) -> tuple[int, dict[str, Any]]:
    file, report = folder / "target.toml", folder / "report.json"
    file.write_text(TARGET.format(miniature=MINIATURE, mode=mode, tool=tool))
    words = [sys.executable, "-m", "cimd_conformance", "run", str(file)]
    words += ["--network", "loopback", "--json", str(report)]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=90
    )
    assert report.exists(), done.stderr
    return done.returncode, json.loads(report.read_text())


def test_one_that_refuses_everything_passes_nothing(tmp_path):
    code, report = run(tmp_path, "closed", BY_NAME)
    assert code == 3
    assert report["counts"].get("passed", 0) == 0


@pytest.mark.parametrize("tool", [BY_NAME, ""], ids=["named", "picked"])
def test_one_that_takes_any_token_fails_there_and_nowhere_else(tmp_path, tool):
    code, report = run(tmp_path, "any-token", tool)
    assert code == 1
    by_status: dict[str, set[str]] = {}
    for scenario in report["scenarios"]:
        name = scenario["id"].partition("[")[0]
        by_status.setdefault(scenario["status"], set()).add(name)
    wrong = by_status.pop("failed") | by_status.pop("warned")
    by_status.pop("not-run", None)  # where no clock of ours can be given to it
    assert by_status.keys() == {"passed", "not-applicable"}
    areas = {name.split("/")[1] for name in wrong}
    odd = {name for name in wrong if name.startswith("ts/request/")}
    assert odd == {"ts/request/empty-credentials"}  # whatever token: also `null`
    assert areas - {"keys"} == {"token", "scope", "request"}  # keys: the clock too
    assert {"ts/token/other-audience", "ts/token/garbage", "ts/scope/missing"} < wrong
    right = by_status["passed"]
    assert {name for name in right if name.startswith("ts/token/")} == set()
    assert {"ts/request/no-token", "ts/discovery/metadata"} < right
