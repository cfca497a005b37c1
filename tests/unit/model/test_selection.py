"""Which ids a pattern stands for."""

from __future__ import annotations

import pytest

from cimd_conformance.model import matches, selected

_ID = "cimd/fetch/ssrf[::ffff:127.0.0.1,auth=none]"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (_ID, True),
        ("cimd/fetch/ssrf", True),
        ("cimd/fetch/*", True),
        ("*/ssrf", True),
        ("*auth=none]", True),
        ("cimd/fetch/ssrf[*]", True),
        ("cimd/fetch/ssr", False),
        ("cimd/fetch/ssrf[auth=none]", False),
        ("cimd/fetch/ssr[f]", False),
        ("", False),
    ],
)
def test_matches(pattern: str, expected: bool) -> None:
    assert matches(_ID, pattern) is expected


def test_selected() -> None:
    assert selected("a/b")
    assert selected("a/b", ["x", "a/*"])
    assert not selected("a/b", ["x"])
    assert not selected("a/b", ["a/*"], ["a/b"])
    assert not selected("a/b", skip=["a/*"])
