"""Placeholders: found anywhere, replaced once, never evaluated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.catalogue import expand, placeholders

KNOWN: dict[str, Any] = {
    "client.origin": "https://a",
    "case.value": "{evil.origin}",
    "number": 5,
    "client.public_jwk": {"kty": "EC"},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{client.origin}/x", "https://a/x"),
        ("{client.public_jwk}", {"kty": "EC"}),
        ("{number}", 5),
        ("{number}{number}", "55"),
        ("{unknown.name}", "{unknown.name}"),
        ("{case.value}", "{evil.origin}"),
        ({"{client.origin}": ["{number}", 1, None]}, {"https://a": [5, 1, None]}),
        ('{"client_id": 1}', '{"client_id": 1}'),
        ("{}", "{}"),
        ("{client.origin", "{client.origin"),
        ("{0.__class__}{client.origin!r}", "{0.__class__}{client.origin!r}"),
    ],
)
def test_expand(value: Any, expected: Any) -> None:
    assert expand(value, KNOWN) == expected


def test_placeholders_are_found_anywhere() -> None:
    value = {"{a.b}": [["x{c}y{d}"], {"e": "{f-g.h_i}"}], "n": 5, "z": None}
    assert list(placeholders(value)) == ["a.b", "c", "d", "f-g.h_i"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_without_known_names_nothing_changes(value: Any) -> None:
    assert expand(value, {}) == value


@given(json_values)
def test_what_is_replaced_is_not_expanded_again(value: Any) -> None:
    names = set(placeholders(value))
    known = dict.fromkeys(names, "{again}")
    assert set(placeholders(expand(value, known))) <= {"again"}
