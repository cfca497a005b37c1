"""The structured edits: each does one thing, to a copy."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.flows import (
    Params,
    changes_of,
    edit_params,
    edit_tree,
    read_json,
    to_json,
    whole,
)
from cimd_conformance.model import Change, HarnessError, Message, Op

DOCUMENT = Message.CLIENT_DOCUMENT


def change(op: Op, at: list[str | int] | None = None, value: Any = None) -> Change:
    return Change(DOCUMENT, at or [], op, value)


PARAMS: Params = [("a", "1"), ("b", "2"), ("a", "3")]


@pytest.mark.parametrize(
    ("op", "name", "value", "expected"),
    [
        (Op.SET, "b", "x", [("a", "1"), ("b", "x"), ("a", "3")]),
        (Op.SET, "a", "x", [("a", "x"), ("b", "2"), ("a", "3")]),
        (Op.SET, "c", "x", [*PARAMS, ("c", "x")]),
        (Op.SET, "c", True, [*PARAMS, ("c", "true")]),
        (Op.SET, "c", ["x"], [*PARAMS, ("c", '["x"]')]),
        (Op.REMOVE, "a", None, [("b", "2")]),
        (Op.REMOVE, "c", None, PARAMS),
        (Op.APPEND, "b", "!", [("a", "1"), ("b", "2!"), ("a", "3")]),
        (Op.DUPLICATE, "b", "x", [*PARAMS, ("b", "x")]),
        (Op.RENAME, "b", "B", [("a", "1"), ("B", "2"), ("a", "3")]),
        (Op.PAD, "b", 3, [("a", "1"), ("a", "3"), ("b", "xxx")]),
        (Op.RAW, "b", "x", PARAMS),
        (Op.BYTES, "b", "00", PARAMS),
    ],
)
def test_parameters(op: Op, name: str, value: Any, expected: Params) -> None:
    before = list(PARAMS)
    assert edit_params(PARAMS, [change(op, [name], value)]) == expected
    assert before == PARAMS


TREE = {"a": 1, "list": ["x", "y"], "text": "t", "deep": {"keys": [{"k": 1}]}}


@pytest.mark.parametrize(
    ("op", "at", "value", "expected"),
    [
        (Op.SET, [], ["whole"], ["whole"]),
        (Op.SET, ["a"], None, {**TREE, "a": None}),
        (Op.SET, ["new"], 1, {**TREE, "new": 1}),
        (Op.SET, ["new", "deep"], 1, {**TREE, "new": {"deep": 1}}),
        (Op.SET, ["list", 1], "z", {**TREE, "list": ["x", "z"]}),
        (Op.SET, ["deep", "keys", 0, "k"], 2, {**TREE, "deep": {"keys": [{"k": 2}]}}),
        (Op.REMOVE, ["gone"], None, TREE),
        (Op.REMOVE, ["list", 0], None, {**TREE, "list": ["y"]}),
        (Op.REMOVE, ["deep", "keys", 0, "k"], None, {**TREE, "deep": {"keys": [{}]}}),
        (Op.APPEND, ["list"], "z", {**TREE, "list": ["x", "y", "z"]}),
        (Op.APPEND, ["text"], "!", {**TREE, "text": "t!"}),
        (Op.APPEND, ["new"], "z", {**TREE, "new": ["z"]}),
        (Op.PAD, ["text"], 5, {**TREE, "text": "xxxxx"}),
    ],
)
def test_trees(op: Op, at: list[str | int], value: Any, expected: Any) -> None:
    before = copy.deepcopy(TREE)
    assert edit_tree(TREE, [change(op, at, value)]) == expected
    assert before == TREE


def test_a_renamed_member_keeps_its_value() -> None:
    edited = edit_tree({"a": 1, "b": 2}, [change(Op.RENAME, ["a"], "A")])
    assert edited == {"A": 1, "b": 2}


def test_an_edit_where_nothing_is_says_so() -> None:
    with pytest.raises(HarnessError, match="Nothing can be changed"):
        edit_tree({"a": 1}, [change(Op.SET, ["a", "b"], 1)])


def test_edits_apply_in_order() -> None:
    edits = [change(Op.SET, ["a"], [1]), change(Op.APPEND, ["a"], 2)]
    assert edit_tree({}, edits) == {"a": [1, 2]}


def test_repeated_members_go_last() -> None:
    edits = [
        change(Op.DUPLICATE, ["client_id"], "evil"),
        change(Op.DUPLICATE, ["list"], [1]),
    ]
    text = to_json({"client_id": "honest"}, edits)
    pairs = json.loads(text, object_pairs_hook=list)
    assert pairs == [("client_id", "honest"), ("client_id", "evil"), ("list", [1])]


def test_a_member_repeated_in_nothing_is_valid_json() -> None:
    assert json.loads(to_json({}, [change(Op.DUPLICATE, ["a"], 1)])) == {"a": 1}


@pytest.mark.parametrize("tree", [[], "text", 5])
def test_only_objects_have_members_to_repeat(tree: Any) -> None:
    with pytest.raises(HarnessError, match="cannot be repeated"):
        to_json(tree, [change(Op.DUPLICATE, ["a"], 1)])


def test_raw_text_and_bytes_replace_everything() -> None:
    assert to_json({"a": 1}, [change(Op.RAW, [], "ü{")]) == "ü{".encode()
    assert to_json({"a": 1}, [change(Op.BYTES, [], "efbbbf 7b")]) == b"\xef\xbb\xbf{"
    assert whole([change(Op.SET, ["a"], 1)]) is None


def test_changes_are_told_apart_by_message() -> None:
    one, other = Change(DOCUMENT), Change(Message.JWKS)
    assert changes_of([one, other], Message.JWKS) == [other]


def test_what_is_not_json_is_a_value_error() -> None:
    for body in (b"", b"<html>", b"\xff", b"[" * 200_000, b'{"a":' * 50_000):
        with pytest.raises(ValueError, match=r".+"):
            read_json(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
members = st.dictionaries(st.text(), json_values)
params = st.lists(st.tuples(st.sampled_from("abc"), st.text()))


@given(members)
def test_without_changes_a_document_is_itself(document: dict[str, Any]) -> None:
    assert json.loads(to_json(edit_tree(document, []), [])) == document


@given(members, st.text(), json_values)
def test_set_touches_one_member(tree: dict[str, Any], name: str, value: Any) -> None:
    edited = edit_tree(tree, [change(Op.SET, [name], value)])
    assert edited[name] == value
    assert {k: v for k, v in edited.items() if k != name} == {
        k: v for k, v in tree.items() if k != name
    }


@given(members, st.text(), json_values)
def test_removing_what_was_set_is_removing(
    tree: dict[str, Any], name: str, value: Any
) -> None:
    removal = change(Op.REMOVE, [name])
    both = edit_tree(tree, [change(Op.SET, [name], value), removal])
    assert both == edit_tree(tree, [removal])


@given(members, st.text(), json_values)
def test_a_repeated_member_leaves_the_honest_bytes(
    tree: dict[str, Any], name: str, value: Any
) -> None:
    honest = to_json(tree, [])
    changed = to_json(tree, [change(Op.DUPLICATE, [name], value)])
    assert changed.startswith(honest[:-1])
    pairs = json.loads(changed, object_pairs_hook=lambda found: found)
    assert pairs[-1] == (name, json.loads(json.dumps(value), object_pairs_hook=list))


@given(params, st.sampled_from("abc"), st.text())
def test_other_parameters_keep_value_and_order(
    given_params: Params, name: str, value: str
) -> None:
    for op in (Op.SET, Op.REMOVE, Op.APPEND, Op.DUPLICATE):
        edited = edit_params(given_params, [change(op, [name], value)])
        assert [p for p in edited if p[0] != name] == [
            p for p in given_params if p[0] != name
        ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([change(Op.APPEND, value="  x")], b'{"a": 1}  x'),
        ([change(Op.PREPEND, value="\ufeff")], b'\xef\xbb\xbf{"a": 1}'),
        ([change(Op.PAD, value=3)], b'{"a": 1}   '),
        ([change(Op.PAD, value=2), change(Op.APPEND, value="x")], b'{"a": 1}  x'),
        ([change(Op.PRECEDE, ["a"], 2)], b'{"a": 2, "a": 1}'),
        ([change(Op.DUPLICATE, ["a"], 2)], b'{"a": 1, "a": 2}'),
        ([change(Op.JSON, ["a"], "NaN")], b'{"a": NaN}'),
        ([change(Op.JSON, ["b"], '"\\ud800"')], b'{"a": 1, "b": "\\ud800"}'),
        ([change(Op.NEST, ["a"], 3)], b'{"a": [[[]]]}'),
        ([change(Op.FIT, ["p"], 30)], b'{"a": 1, "p": "xxxxxxxxxxxxx"}'),
        ([change(Op.FIT, ["p"], 3)], b'{"a": 1, "p": ""}'),
        ([change(Op.ENCODE, value="utf-16-le")], '{"a": 1}'.encode("utf-16-le")),
        ([change(Op.REPEAT, ["a"], {"of": 1, "times": 3})], b'{"a": [1, 1, 1]}'),
    ],
)
def test_what_only_text_can_say(made: list[Change], expected: bytes) -> None:
    tree = {"a": 1}
    assert to_json(edit_tree(tree, made), made) == expected
    assert tree == {"a": 1}


def test_deep_nesting_is_text_and_no_recursion() -> None:
    deep = [change(Op.NEST, ["a"], 100_000)]
    assert len(to_json(edit_tree({}, deep), deep)) > 200_000


def test_something_is_put_before_texts_and_arrays() -> None:
    made = [change(Op.PREPEND, ["t"], "x"), change(Op.PREPEND, ["l"], 0)]
    assert edit_tree({"t": "y", "l": [1]}, made) == {"t": "xy", "l": [0, 1]}
    assert edit_params([("a", "1")], [change(Op.PREPEND, ["a"], "0")]) == [("a", "01")]
