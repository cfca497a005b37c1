"""The line of a value in a TOML file."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.catalogue import locate

TEXT = '''\
# a comment = "not a key"
title = "One"
list = [
  "a = 1",
  ["x", "y"],
  ["z"]
]
raw = """
[table]
key = 1
"""
"quoted" = 1

[server]
start = ["a"] # [not a table]
env.NAME = "x"

[server.limits]
jobs = 1

[[change]]
in = "flow"
value = { a = [
  1
] }

[[change]]  # the second
in = "jwks"
[[change.inner]]
x = 1
[[change.inner]]
x = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ([], 1),
        (["title"], 2),
        (["list"], 3),
        (["list", 1, 0], 3),
        (["raw"], 8),
        (["quoted"], 12),
        (["server"], 14),
        (["server", "start"], 15),
        (["server", "start", 0], 15),
        (["server", "env", "NAME"], 16),
        (["server", "limits", "jobs"], 19),
        (["change", 0, "in"], 22),
        (["change", 0, "value", "a"], 23),
        (["change", 1], 27),
        (["change", 1, "in"], 28),
        (["change", 1, "inner", 1, "x"], 32),
        (["change", 1, "missing"], 27),
        (["table", "key"], 1),
        (["nowhere"], 1),
    ],
)
def test_locate(path: list[str | int], line: int) -> None:
    tomllib.loads(TEXT)
    assert locate(TEXT, path) == line


keys = st.text("abcdefgh", min_size=1, max_size=4)
pieces = st.one_of(keys, st.integers(0, 9))
lines = st.one_of(
    st.builds("{} = 1".format, keys),
    st.builds("[{}]".format, keys),
    st.builds("[[{}]]".format, keys),
    st.just('x = """'),
    st.text("[]{}\"'#=\n abc", max_size=12),
)


@given(st.lists(lines, max_size=12), st.lists(pieces, max_size=4))
def test_locate_always_answers_with_a_line_of_the_file(
    text: list[str], path: list[Any]
) -> None:
    whole = "\n".join(text)
    assert 1 <= locate(whole, path) <= max(len(whole.splitlines()), 1)
