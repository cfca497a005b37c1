"""The structured edits: one change applied to one message. Pure functions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from cimd_conformance.model import Change, HarnessError, Message, Op

Params = list[tuple[str, str]]


def changes_of(changes: Iterable[Change], message: Message) -> list[Change]:
    """Return the changes of one message, in file order."""
    return [change for change in changes if change.in_ is message]


def whole(changes: Iterable[Change]) -> bytes | None:
    """Return the bytes that replace the whole message, None when nothing does."""
    for change in changes:
        if change.op is Op.RAW:
            return str(change.value).encode()
        if change.op is Op.BYTES:
            return bytes.fromhex(str(change.value))
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def edit_params(params: Params, changes: Iterable[Change]) -> Params:
    """Apply changes to the parameters of a query or a form."""
    for change in changes:
        if change.op in (Op.RAW, Op.BYTES):
            continue
        name = str(change.at[0]) if change.at else ""
        params = _edit_param(params, name, change)
    return params


def _edit_param(params: Params, name: str, change: Change) -> Params:
    value = _text(change.value)
    others = [pair for pair in params if pair[0] != name]
    match change.op:
        case Op.SET:
            at = next((i for i, pair in enumerate(params) if pair[0] == name), None)
            if at is None:
                return [*params, (name, value)]
            return [*params[:at], (name, value), *params[at + 1 :]]
        case Op.REMOVE:
            return others
        case Op.APPEND | Op.PREPEND:
            after = change.op is Op.APPEND
            return [
                (k, (v + value if after else value + v) if k == name else v)
                for k, v in params
            ]
        case Op.DUPLICATE:
            return [*params, (name, value)]
        case Op.RENAME:
            return [(value if k == name else k, v) for k, v in params]
        case Op.PAD:
            return [*others, (name, "x" * int(change.value))]
        case _:
            return params


def edit_tree(tree: Any, changes: Iterable[Change]) -> Any:
    """Apply changes to a JSON value; edits of its text are left to `to_json`."""
    tree = copy.deepcopy(tree)
    for change in changes:
        if not _of_the_text(change):
            tree = _edit_at(tree, change.at, change)
    return tree


_TEXT_OPS = frozenset(
    {Op.RAW, Op.BYTES, Op.DUPLICATE, Op.PRECEDE, Op.JSON, Op.NEST, Op.FIT, Op.ENCODE}
)


def _of_the_text(change: Change) -> bool:
    """Whether a change is made to the serialised value: what no JSON value can be."""
    return change.op in _TEXT_OPS or (not change.at and change.op is not Op.SET)


def _edit_at(node: Any, path: list[str | int], change: Change) -> Any:
    if not path:
        return change.value
    key = path[0]
    if len(path) > 1:
        if isinstance(node, dict):
            node[key] = _edit_at(node.get(key, {}), path[1:], change)
        elif isinstance(node, list) and isinstance(key, int):
            node[key] = _edit_at(node[key], path[1:], change)
        else:
            raise HarnessError("edit", f"Nothing can be changed at {change.at}.")
        return node
    try:
        return _edit_here(node, key, change)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise HarnessError("edit", f"Nothing can be changed at {change.at}.") from None


def _edit_here(node: Any, key: str | int, change: Change) -> Any:
    match change.op:
        case Op.SET:
            node[key] = change.value
        case Op.REMOVE:
            if isinstance(node, dict):
                node.pop(key, None)
            else:
                del node[key]
        case Op.APPEND | Op.PREPEND:
            old = node.get(key, []) if isinstance(node, dict) else node[key]
            new = [change.value] if isinstance(old, list) else change.value
            node[key] = old + new if change.op is Op.APPEND else new + old
        case Op.RENAME:
            node[change.value] = node.pop(key)
        case Op.PAD:
            node[key] = "x" * int(change.value)
        case Op.REPEAT:
            node[key] = [change.value["of"]] * int(change.value["times"])
        case _:
            pass
    return node


def to_json(tree: Any, changes: Iterable[Change]) -> bytes:
    """Serialise an edited value, with what the changes do to its text."""
    changes = list(changes)
    replaced = whole(changes)
    if replaced is not None:
        return replaced
    marked, texts = tree, {}
    for number, change in enumerate(changes):
        if change.op in (Op.JSON, Op.NEST):
            marked = copy.deepcopy(marked)
            mark = f"\ue000{number}\ue001"
            texts[json.dumps(mark, ensure_ascii=False)] = _verbatim(change)
            put = Change(change.in_, change.at, Op.SET, mark)
            marked = _edit_at(marked, change.at, put)
    text = json.dumps(marked, ensure_ascii=False)
    for mark, verbatim in texts.items():
        text = text.replace(mark, verbatim)
    for change in changes:
        text = _edit_text(text, change)
    return _encoded(text, changes)


def _verbatim(change: Change) -> str:
    """Return the text that a change puts in the place of a value."""
    if change.op is Op.NEST:
        return "[" * int(change.value) + "]" * int(change.value)
    return str(change.value)


def _edit_text(text: str, change: Change) -> str:
    """Make one change to the text of an object."""
    match change.op:
        case Op.DUPLICATE | Op.PRECEDE:
            return _second_member(text, change)
        case Op.FIT:
            room = int(change.value) - len(_with_member(text, change.at, "").encode())
            return _with_member(text, change.at, "x" * max(room, 0))
        case Op.PAD if not change.at:
            return text + " " * int(change.value)
        case Op.APPEND if not change.at:
            return text + str(change.value)
        case Op.PREPEND if not change.at:
            return str(change.value) + text
        case _:
            return text


def _second_member(text: str, change: Change) -> str:
    if not text.startswith("{") or len(change.at) != 1:
        raise HarnessError("edit", f"{change.at} cannot be repeated.")
    if change.op is Op.DUPLICATE:
        return _with_member(text, change.at, change.value)
    member = f"{json.dumps(str(change.at[0]))}: {json.dumps(change.value)}"
    comma = "" if text == "{}" else ", "
    return f"{{{member}{comma}{text[1:]}"


def _with_member(text: str, at: list[str | int], value: Any) -> str:
    """Return the text of an object with one member more, at its end."""
    member = f"{json.dumps(str(at[0]))}: {json.dumps(value)}"
    comma = "" if text == "{}" else ", "
    return f"{text[:-1]}{comma}{member}}}"


def _encoded(text: str, changes: Iterable[Change]) -> bytes:
    """Return the bytes of a text: UTF-8 unless a change says otherwise."""
    found = [str(change.value) for change in changes if change.op is Op.ENCODE]
    return text.encode(found[-1] if found else "utf-8")
