"""How the one change gets into what our servers say to the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cimd_conformance.flows._edit import edit_tree, to_json, whole
from cimd_conformance.model import Change, Message
from cimd_testbed.parties import Tree

_JSON = {
    "prm": (Message.PRM, Message.PRM_RESPONSE),
    "as_metadata": (Message.AS_METADATA, Message.AS_METADATA_RESPONSE),
    "token_response": (Message.TOKEN_RESPONSE, None),
    "refresh_response": (Message.REFRESH_RESPONSE, None),
}
_CHALLENGES = {
    "challenge": Message.CHALLENGE,
    "scope_challenge": Message.SCOPE_CHALLENGE,
}

_WHOLE = {
    "mcp_response": Message.MCP_RESPONSE,
    "registration_response": Message.REGISTRATION_RESPONSE,
}

ChangesOf = Callable[[Message], list[Change]]


def edit_message(
    name: str, tree: Tree, changes_of: ChangesOf
) -> tuple[Tree, set[Message]]:
    """Return what is sent in place of an honest response, and which messages changed.

    Challenges are their parameters, metadata and tokens their JSON, an authorization
    response its parameters and where it goes, an answer of the MCP endpoint or to a
    registration the whole response.
    """
    tree = {"headers": {}, **tree}
    if name in _JSON:
        return _edit_json(tree, changes_of, *_JSON[name])
    if name in _CHALLENGES:
        return _edit_part(tree, changes_of, _CHALLENGES[name], "bearer")
    if name == "authorization_response":
        return _edit_response(tree, changes_of)
    if name in _WHOLE:
        changes = changes_of(_WHOLE[name])
        changed = {_WHOLE[name]} if changes else set()
        return edit_tree(tree, changes), changed
    return tree, set()


def _edit_json(
    tree: Tree, changes_of: ChangesOf, message: Message, around: Message | None
) -> tuple[Tree, set[Message]]:
    changed: set[Message] = set()
    changes = changes_of(message)
    if changes:
        changed.add(message)
        body = to_json(edit_tree(tree.pop("json"), changes), changes)
        tree["text"] = body.decode("utf-8", "surrogateescape")
        tree["headers"] = {"Content-Type": "application/json", **tree["headers"]}
    outer = changes_of(around) if around is not None else []
    if outer and around is not None:
        changed.add(around)
        tree = edit_tree(tree, outer)
    return tree, changed


def _edit_response(tree: Tree, changes_of: ChangesOf) -> tuple[Tree, set[Message]]:
    tree, changed = _edit_part(
        tree, changes_of, Message.AUTHORIZATION_RESPONSE, "params"
    )
    elsewhere = changes_of(Message.REDIRECT)
    if elsewhere:
        tree["to"] = edit_tree({"uri": tree["to"]}, elsewhere)["uri"]
        changed = {*changed, Message.REDIRECT}
    return tree, changed


def _edit_part(
    tree: Tree, changes_of: ChangesOf, message: Message, part: str
) -> tuple[Tree, set[Message]]:
    changes = changes_of(message)
    if not changes:
        return tree, set()
    raw = whole(changes)
    value: Any = edit_tree(tree[part], changes)
    if raw is None:
        return {**tree, part: value}, {message}
    if part == "bearer":
        headers = {**tree["headers"], "WWW-Authenticate": raw.decode()}
        return {**tree, "headers": headers, "bearer": {}}, {message}
    return {**tree, part: raw.decode()}, {message}
