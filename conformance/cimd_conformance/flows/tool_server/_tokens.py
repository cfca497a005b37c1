"""Access tokens of any shape: signed, or opaque with an issuer that answers."""

from __future__ import annotations

import base64
import json
from typing import Any

from cimd_conformance.flows._edit import edit_tree, whole
from cimd_conformance.flows.tool_server._state import Caller, ToolState
from cimd_conformance.model import Change, HarnessError, Message, Op
from cimd_testbed.net import Request, Response
from cimd_testbed.parties import SigningKey, new_key, sign_jwt

LIFETIME = 600


def token_of(state: ToolState, caller: Caller, *, fresh: bool = False) -> str:
    """Return the token that a caller sends now: the same one until it changes."""
    changes = state.changes(Message.ACCESS_TOKEN) if caller.name == "client" else []
    shape = repr(changes)
    if fresh or not caller.token or caller.token_of != shape:
        caller.token = _mint(state, caller, changes)
        caller.token_of = shape
        if not caller.token.startswith("eyJ"):
            state.redactor.secret("access-token", caller.token)
    return caller.token


def _mint(state: ToolState, caller: Caller, changes: list[Change]) -> str:
    tree = edit_tree(_honest(state, caller), changes)
    replaced = whole(changes)
    if replaced is not None:
        return replaced.decode("utf-8", "surrogateescape")
    if state.view.source == "introspection":
        return _opaque(state, caller, tree["claims"])
    key = _signing_key(state, str(tree["key"]))
    if tree["key"] == "embedded":
        tree["header"].update(kid=key.kid, jwk=key.public_jwk)
    elif tree["key"] in ("retired", "unknown"):
        tree["header"]["kid"] = key.kid
    again = tree.get("used") and caller.token
    token = caller.token if again else sign_jwt(tree["header"], tree["claims"], key)
    if "signature" in tree:
        token = f"{token.rpartition('.')[0]}.{tree['signature']}"
    return token


def _honest(state: ToolState, caller: Caller) -> dict[str, Any]:
    """Return the tree of a good token (RFC 9068 section 2)."""
    world, view = state.world, state.view
    now, key = int(world.now()), world.issuer.keys[-1]
    claims = {
        "iss": world.issuer.issuer,
        "sub": caller.subject,
        "aud": view.audience,
        "client_id": caller.client_id,
        "scope": view.scope,
        "jti": f"token-{world.seed}-{world.serial()}",
        "iat": now,
        "exp": now + LIFETIME,
    }
    header = {"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}
    return {"header": header, "claims": claims, "key": "current"}


def _signing_key(state: ToolState, which: str) -> SigningKey:
    issuer = state.world.issuer
    match which:
        case "current":
            return issuer.keys[-1]
        case "retired" if issuer.retired:
            return issuer.retired[-1]
        case "impostor" | "embedded" | "unknown":
            return new_key(issuer.alg, [*issuer.keys, *issuer.retired])
        case _:
            raise HarnessError("signing-key", f"There is no key {which!r}.")


def _opaque(state: ToolState, caller: Caller, claims: dict[str, Any]) -> str:
    """Make a token that says nothing; the issuer answers for it (RFC 7662)."""
    rng = state.world.random(f"{state.label}/{len(state.registered)}")
    token = base64.urlsafe_b64encode(rng.randbytes(32)).rstrip(b"=").decode()

    async def answer(request: Request) -> Response:
        own = caller.name == "client"
        changes = state.changes(Message.INTROSPECTION_RESPONSE) if own else []
        return _answer(state, request, _introspected(state, token, claims), changes)

    state.world.issuer.answers[token] = answer
    state.registered.append(token)
    return token


def _introspected(
    state: ToolState, token: str, claims: dict[str, Any]
) -> dict[str, Any]:
    """Return what an honest issuer says of a token."""
    expires = claims.get("exp")
    expired = isinstance(expires, int | float) and expires <= state.world.now()
    if expired or token in state.revoked:
        return {"active": False}
    return {"active": True, "token_type": "Bearer", **claims}


def _answer(
    state: ToolState, request: Request, body: dict[str, Any], changes: list[Change]
) -> Response:
    tree: dict[str, Any] = {
        "status": 200,
        "headers": {"Content-Type": "application/json"},
        "body": body,
    }
    tree = edit_tree(tree, [c for c in changes if c.op is not Op.DUPLICATE])
    if changes:
        state.sent.add(Message.INTROSPECTION_RESPONSE)
    text = tree["body"] if isinstance(tree["body"], str) else json.dumps(tree["body"])
    headers = tuple((name, str(value)) for name, value in tree["headers"].items())
    response = Response(int(tree["status"]), headers, text.encode())
    state.on_served("introspection", request, response, bool(changes), "as")
    return response
