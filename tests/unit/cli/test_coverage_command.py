"""`coverage`: a table for people, a document for programs."""

from __future__ import annotations

import json

import pytest

from cimd_conformance.cli import run_cli


def test_the_table_has_a_row_for_each_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["coverage", "--role", "tool-server", "--explained"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].split() == ["covered", "reasons", "open", "%"]
    assert lines[1].startswith("requirement tool-server          P1")
    assert any(line.startswith("attack      tool-server") for line in lines)
    assert "agent-host" not in out
    assert "mcp-rs-secure-token-storage (tool-server, P3)" in out
    assert max(map(len, lines[:8])) <= 80


def test_the_document_has_every_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["coverage", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    states = {(each["kind"], each["id"]): each for each in found}
    exact = states["requirement", "cimd-redirect-exact-match"]
    assert exact["state"] == "covered"
    assert "as/redirect-uri/unlisted-host" in exact["scenarios"]
    assert all(each["why"] for each in found if each["state"] == "explained")
    assert all(each["scenarios"] for each in found if each["state"] == "covered")
