"""The token endpoint and its neighbours: redeem, refresh, revoke, introspect, use."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlencode

from cimd_conformance.flows._edit import Params, edit_params, edit_tree, whole
from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows._json import read_json
from cimd_conformance.flows.authorization_server._common import (
    FORM,
    describe,
    end,
    unjudged,
)
from cimd_conformance.flows.authorization_server._identity import Identity
from cimd_conformance.flows.authorization_server._state import AsState
from cimd_conformance.flows.authorization_server._use import sendable, use_token
from cimd_conformance.model import HarnessError, Message, Outcome, Step, Verb
from cimd_testbed.net import Headers, Response
from cimd_testbed.parties import SigningKey, sign_jwt

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _honest_assertion(state: AsState, identity: Identity) -> dict[str, Any]:
    """Return header, claims and key of a legitimate client assertion."""
    world, accommodations = state.world, state.accommodations
    now = int(world.now())
    header = {
        "alg": identity.keys[-1].alg,
        "kid": identity.keys[-1].kid,
        "typ": "client-authentication+jwt",
    }
    header["typ"] = accommodations.get("assertion-type") or header["typ"]
    if "assertion-without-type" in accommodations:
        del header["typ"]
    claims = {
        "iss": identity.variables["client_id"],
        "sub": identity.variables["client_id"],
        "aud": accommodations.get("assertion-audience", state.target.issuer),
        "jti": f"jti-{world.seed}-{world.serial()}",
        "iat": now,
        "exp": now + 60,
    }
    return {"header": header, "claims": claims, "key": "client"}


def _assertion(state: AsState, name: str) -> str:
    """Make the assertion, with the changes that are in force.

    With `used` in it, the last one goes out again, byte for byte.
    """
    identity, holding = state.identities[name], state.holding(name)
    message = Message.CLIENT_ASSERTION
    changes = state.changes(message) if identity is state.client else []
    if changes:
        state.sent.add(message)
    replaced = whole(changes)
    if replaced is not None:
        return replaced.decode()
    tree = edit_tree(_honest_assertion(state, identity), changes)
    if tree.get("used") and holding.assertion:
        return holding.assertion
    key = _signing_key(state, identity, str(tree["key"]))
    if tree["key"] == "retired":
        tree["header"]["kid"] = key.kid
    if tree["key"] == "embedded":
        tree["header"].update(kid=key.kid, jwk=key.public_jwk)
    token = sign_jwt(tree["header"], tree["claims"], key)
    if "signature" in tree:
        token = f"{token.rpartition('.')[0]}.{tree['signature']}"
    holding.assertion = token
    return token


def _signing_key(state: AsState, identity: Identity, which: str) -> SigningKey:
    match which:
        case "client":
            return identity.keys[-1]
        case "retired":
            return identity.retired[-1]
        case "other":
            return state.identities["other"].keys[-1]
        case "unpublished" | "embedded":
            return identity.another_key()
        case _:
            raise HarnessError("key", f"There is no key {which!r} to sign with.")


def _authentication(state: AsState, name: str) -> Params:
    identity = state.identities[name]
    params = [("client_id", identity.variables["client_id"])]
    if identity.authenticates:
        params += [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", _assertion(state, name)),
        ]
    return params


async def _post(
    state: AsState, message: Message, endpoint: str, params: Params, step: Step
) -> Response:
    url = state.target.endpoint(endpoint)
    changes = state.changes(message) if step.as_ == "client" else []
    params = edit_params(params, changes)
    replaced = whole(changes)
    body = replaced if replaced is not None else urlencode(params).encode()
    if changes:
        state.sent.add(message)
    for name in ("code", "code_verifier", "refresh_token", "token"):
        value = dict(params).get(name)
        if value and not value.startswith("eyJ"):
            state.redactor.secret(name.replace("_", "-"), value)
    headers = FORM + _basic(state, step)
    response: Response | None = None
    try:
        response = await state.http.request("POST", url, headers, body)
    finally:
        changed = bool(changes) or (
            Message.CLIENT_ASSERTION in state.sent and b"client_assertion" in body
        )
        state.record(
            message.value, "POST", url, headers, body, response, changed=changed
        )
    return response


def _basic(state: AsState, step: Step) -> Headers:
    """Return the resource server's credentials where they are asked for."""
    user, password = state.target.introspection
    if step.do is not Verb.INTROSPECT or not user or step.with_.get("anonymous"):
        return ()
    pair = f"{quote(user, safe='')}:{quote(password, safe='')}".encode()
    return (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)


def _tokens(
    state: AsState, step: Step, message: Message, response: Response, refused: Outcome
) -> StepEnd:
    """Read a token response; only a 200 with an access token counts as issued."""
    headers = {name.lower(): value for name, value in response.headers}
    directives = ", ".join(response.header_values("cache-control"))
    if directives:  # they have no case (RFC 9111 section 5.2)
        headers["cache-control"] = directives.lower()
    state.messages[Message.TOKEN_RESPONSE_HEADERS] = headers
    if outcome := unjudged(response):
        return end(step, outcome, describe(response))
    try:
        value = read_json(response.body)
    except ValueError:
        value = None
    token = value.get("access_token") if isinstance(value, dict) else None
    if response.status != 200 or not isinstance(token, str) or not token:
        state.messages[message] = value if isinstance(value, dict) else {}
        return end(step, refused, describe(response))
    state.messages[message] = value
    holding = state.holding(step.as_)
    holding.access_token = token
    refresh_token = value.get("refresh_token")
    if isinstance(refresh_token, str) and sendable(refresh_token):
        holding.refresh_token = refresh_token
    for kind, secret in (
        ("access-token", holding.access_token),
        ("refresh-token", holding.refresh_token),
    ):
        if secret and not secret.startswith("eyJ"):
            state.redactor.secret(kind, secret)
    return end(step, Outcome.COMPLETED, "tokens issued")


def code_params(state: AsState, step: Step) -> Params:
    """Make a token request with a client's own code, or that of another one."""
    identity = state.identities[step.as_]
    holding = state.holding(step.with_.get("of", step.as_))
    params = [
        ("grant_type", "authorization_code"),
        ("code", holding.code),
        ("redirect_uri", holding.redirect_uri),
        ("code_verifier", holding.verifier),
        *_authentication(state, step.as_),
    ]
    if "no-resource" not in state.accommodations:
        params.append(("resource", identity.variables["resource"]))
    return params


async def redeem(state: AsState, step: Step) -> StepEnd:
    """Exchange the code; `with = {of = "client"}` sends that client's one."""
    params = code_params(state, step)
    response = await _post(state, Message.TOKEN_REQUEST, "token_endpoint", params, step)
    return _tokens(
        state, step, Message.TOKEN_RESPONSE, response, Outcome.REFUSED_AT_TOKEN
    )


async def refresh(state: AsState, step: Step) -> StepEnd:
    """Exchange the refresh token.

    `with = {previous = true}` sends the used one, `with = {of = "client"}` that of
    another client.
    """
    holding = state.holding(step.with_.get("of", step.as_))
    token = holding.refresh_token
    if step.with_.get("previous"):
        token = holding.used_refresh_token or token
    if not token:
        return end(step, Outcome.NO_ANSWER, "no refresh token was issued")
    holding.used_refresh_token = token
    params = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        *_authentication(state, step.as_),
    ]
    response = await _post(
        state, Message.REFRESH_REQUEST, "token_endpoint", params, step
    )
    return _tokens(
        state, step, Message.REFRESH_RESPONSE, response, Outcome.REFUSED_AT_REFRESH
    )


async def revoke(state: AsState, step: Step) -> StepEnd:
    """Revoke a token (RFC 7009)."""
    access = step.with_.get("token") == "access"
    holding = state.holding(step.as_)
    params = [
        ("token", holding.access_token if access else holding.refresh_token),
        ("token_type_hint", "access_token" if access else "refresh_token"),
        *_authentication(state, step.as_),
    ]
    message = Message.REVOCATION_REQUEST
    response = await _post(state, message, "revocation_endpoint", params, step)
    if outcome := unjudged(response):
        return end(step, outcome, describe(response))
    if response.status == 200:
        return end(step, Outcome.COMPLETED, describe(response))
    return end(step, Outcome.REFUSED_AT_REVOCATION, describe(response))


async def introspect(state: AsState, step: Step) -> StepEnd:
    """Ask about the access token (RFC 7662); inactive counts as a refusal."""
    message = Message.INTROSPECTION_REQUEST
    params = [("token", state.holding(step.as_).access_token)]
    response = await _post(state, message, "introspection_endpoint", params, step)
    if outcome := unjudged(response):
        return end(step, outcome, describe(response))
    try:
        value = read_json(response.body)
    except ValueError:
        value = {}
    state.messages[Message.INTROSPECTION_RESPONSE] = value
    active = response.status == 200 and isinstance(value, dict) and value.get("active")
    if active is True:
        return end(step, Outcome.COMPLETED, "active")
    return end(step, Outcome.REFUSED_AT_INTROSPECTION, describe(response))


async def use(state: AsState, step: Step) -> StepEnd:
    """Show that the access token works."""
    refused = await use_token(state, state.holding(step.as_).access_token)
    if refused is None:
        return end(step, Outcome.COMPLETED, "the access token works")
    return end(step, Outcome.REFUSED_AT_RESOURCE, refused)
