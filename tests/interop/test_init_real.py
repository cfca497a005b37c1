"""`init` finds out, from a start command alone, what the examples say by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cimd_conformance.target import TargetFile, load_target, prepare_target
from cimd_testbed.net.lab import lab_available

TARGETS = Path(__file__).parents[2] / "examples" / "targets"

INIT = [sys.executable, "-m", "cimd_conformance", "init"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.lab,
    pytest.mark.timeout(600),
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]


def found_by_init(
    name: str, folder: Path, command: list[str] | None = None
) -> tuple[TargetFile, TargetFile]:
    """Return what an example says, and what `init` finds for its command."""
    file = TARGETS / name / "target.toml"
    told = load_target(file)
    cache = str(prepare_target(file, told))
    words = command or told.server.start or told.client.command
    words = [word.replace("{cache}", cache) for word in words]
    out = folder / "target.toml"
    run = subprocess.run(
        [*INIT, "--out", str(out), "--", *words],
        cwd=file.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return told, load_target(out)


@pytest.mark.parametrize("name", ["fastmcp-oauth-proxy", "oidc-provider"])
def test_authorization_servers(name: str, tmp_path: Path) -> None:
    told, found = found_by_init(name, tmp_path)
    assert found.role is told.role
    for field in ("issuer", "forwarded", "metadata"):
        assert getattr(found.server, field) == getattr(told.server, field)
    assert found.resource.shown_by == told.resource.shown_by
    assert set(told.resource.scope.split()) <= set(found.resource.scope.split())
    said = [(one.what, one.value, one.requirement) for one in told.accommodation]
    assert said == [(a.what, a.value, a.requirement) for a in found.accommodation]


TOOLBOX = ["{cache}/venv/bin/toolbox-server", "--config=tools.yaml"]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("python-sdk-tool-server", None),
        ("typescript-sdk-tool-server", None),
        ("mcp-toolbox", TOOLBOX),
    ],
)
def test_tool_servers(name: str, command: list[str] | None, tmp_path: Path) -> None:
    told, found = found_by_init(name, tmp_path, command)
    assert found.role is told.role
    assert set(found.resource.scope.split()) == set(told.resource.scope.split())
    assert found.tokens.judged_by == told.tokens.judged_by
    assert found.tool.call is not None
    assert told.tool.call is not None
    assert found.tool.call.name == told.tool.call.name
    assert found.tool.effect == told.tool.effect


def test_a_client(tmp_path: Path) -> None:
    told, found = found_by_init("python-sdk-client", tmp_path)
    assert found.role is told.role
    assert set(found.client.protocols) == set(told.client.protocols)
    by_hand = {"registration"}  # what it does without CIMD is not tried
    assert set(found.client.features) == set(told.client.features) - by_hand
    mine = {k: v for k, v in told.client.env.items() if k != "SSL_CERT_FILE"}
    assert found.client.env == mine  # in the lab that one is set already
