"""Making text visible, and JSON safe to look at."""

from __future__ import annotations

import json

import pytest

from cimd_conformance.reports._output import safe_json
from cimd_conformance.reports.text import shortened, visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text", "plain text"),
        ("Grüße ‹code-1› → 漢字", "Grüße ‹code-1› → 漢字"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("\u202e\u2066\u200b", "\\u202e\\u2066\\u200b"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_visible(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_shortened_marks_the_cut() -> None:
    assert shortened("x" * 10, 10) == "x" * 10
    assert shortened("x" * 11, 10) == "x" * 9 + "…"


def test_safe_json_says_the_same() -> None:
    value = {"a": "\x9b\x7f\u202e\u2028 é \U0001f600"}
    line = json.dumps(value, ensure_ascii=False).encode()
    safe = safe_json(line)
    assert json.loads(safe) == value
    for forbidden in "\x9b\x7f\u202e\u2028":
        assert forbidden not in safe.decode()
    assert "é" in safe.decode()
