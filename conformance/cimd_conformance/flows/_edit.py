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
        case Op.APPEND:
            return [(k, v + value if k == name else v) for k, v in params]
        case Op.DUPLICATE:
            return [*params, (name, value)]
        case Op.RENAME:
            return [(value if k == name else k, v) for k, v in params]
        case Op.PAD:
            return [*others, (name, "x" * int(change.value))]
        case Op.RAW | Op.BYTES:
            return params


def edit_tree(tree: Any, changes: Iterable[Change]) -> Any:
    """Apply changes to a JSON value; repeated members are left to `to_json`."""
    tree = copy.deepcopy(tree)
    for change in changes:
        if change.op not in (Op.RAW, Op.BYTES, Op.DUPLICATE):
            tree = _edit_at(tree, change.at, change)
    return tree


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
        case Op.APPEND:
            old = node.get(key, []) if isinstance(node, dict) else node[key]
            new = [change.value] if isinstance(old, list) else change.value
            node[key] = old + new
        case Op.RENAME:
            node[change.value] = node.pop(key)
        case Op.PAD:
            node[key] = "x" * int(change.value)
        case Op.RAW | Op.BYTES | Op.DUPLICATE:
            pass
    return node


def to_json(tree: Any, changes: Iterable[Change]) -> bytes:
    """Serialise an edited value, with the repeated members that the changes ask for.

    A repeated member goes last, after the honest one.
    """
    changes = list(changes)
    replaced = whole(changes)
    if replaced is not None:
        return replaced
    text = json.dumps(tree, ensure_ascii=False)
    for change in changes:
        if change.op is Op.DUPLICATE:
            if not isinstance(tree, dict) or len(change.at) != 1:
                raise HarnessError("edit", f"{change.at} cannot be repeated.")
            member = f"{json.dumps(str(change.at[0]))}: {json.dumps(change.value)}"
            comma = "" if text == "{}" else ", "
            text = f"{text[:-1]}{comma}{member}}}"
    return text.encode()
