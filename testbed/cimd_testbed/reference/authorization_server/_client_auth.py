"""Who calls the token and revocation endpoints (RFC 6749 section 2.3, RFC 7523)."""

from __future__ import annotations

from dataclasses import dataclass

from cimd_testbed.core import JsonObject, UnverifiedJwt, read_unverified_jwt
from cimd_testbed.net import Params, Request
from cimd_testbed.reference.authorization_server._also import fetch_also
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    Refused,
    demand,
    refused,
)
from cimd_testbed.reference.authorization_server._state import State, single
from cimd_testbed.reference.authorization_server._store import fingerprint

_ERROR = "invalid_client"


@dataclass(frozen=True, slots=True)
class Client:
    """A client, and how it authenticated."""

    client_id: str
    document: JsonObject
    method: str


def _presented(request: Request, params: Params) -> tuple[str, ...]:
    """Return the ways in which a request tries to authenticate."""
    sent = {name for name, value in params if value}
    found: list[str] = []
    if request.header("authorization") is not None:
        found.append("client_secret_basic")
    if {"client_assertion", "client_assertion_type"} & sent:
        found.append("private_key_jwt")
    if "client_secret" in sent:
        found.append("client_secret_post")
    return tuple(found)


async def authenticate(state: State, request: Request, params: Params) -> Client:
    """Return the client that sent the request; raises `Refused`."""
    presented = _presented(request, params)
    demand(state.checks.single_auth_method(presented), "invalid_request")
    method = presented[0] if presented else "none"
    assertion = _assertion(state, params) if method == "private_key_jwt" else None
    client_id = single(params, "client_id")
    if assertion is not None:
        client_id = client_id or assertion[1].claims.text("sub")
    if client_id is None:
        raise refused(
            _ERROR, "code-public-client-id-required", "The client_id is missing.", 401
        )
    document = await _document(state, client_id)
    allowed = state.checks.auth_methods(document, state.settings.auth_methods)
    demand(state.checks.client_auth_method(method, allowed), _ERROR, 401)
    if assertion is not None:
        await _verify(state, client_id, document, *assertion)
    return Client(client_id, document, method)


async def _document(state: State, client_id: str) -> JsonObject:
    try:
        return await state.clients.find(client_id, guard=state.checks.token_addresses)
    except FetchError as error:
        code = state.checks.failure_at_token(error.decision.clause)
        raise Refused(code, error.decision, 401) from error
    except Refused as error:
        raise Refused(_ERROR, error.decision, 401) from error


def _assertion(state: State, params: Params) -> tuple[str, UnverifiedJwt]:
    decision = state.checks.assertion_type(single(params, "client_assertion_type"))
    demand(decision, _ERROR, 401)
    text = single(params, "client_assertion") or ""
    token = read_unverified_jwt(text)
    if token is None:
        raise refused(_ERROR, "pkjwt-valid", "The client_assertion is no JWT.", 401)
    return text, token


async def _verify(
    state: State,
    client_id: str,
    document: JsonObject,
    text: str,
    token: UnverifiedJwt,
) -> None:
    """Verify a client assertion: claims first, so that strangers cause no fetch."""
    checks, now = state.checks, state.clock.now()
    header, claims = token.header, token.claims
    await fetch_also(state, client_id, header)
    demand(checks.assertion_typ(header), _ERROR, 401)
    demand(checks.assertion_critical(header), _ERROR, 401)
    demand(checks.assertion_issuer_subject(claims, client_id), _ERROR, 401)
    endpoint = state.endpoint("token")
    demand(checks.assertion_audience(claims, state.issuer, endpoint), _ERROR, 401)
    longest = state.settings.lifetimes.assertion
    demand(checks.assertion_expiry(claims, now, longest), _ERROR, 401)
    demand(checks.assertion_not_before(claims, now), _ERROR, 401)
    await _verify_signature(state, client_id, document, text, header)
    _use_once(state, client_id, text, claims)


async def _verify_signature(
    state: State, client_id: str, document: JsonObject, text: str, header: JsonObject
) -> None:
    try:
        keys = await state.client_keys.candidates(client_id, document, header)
    except FetchError as error:
        raise Refused(_ERROR, error.decision, 401) from error
    decision = state.checks.assertion_key_found(len(keys))
    demand(decision, _ERROR, 401)
    allowed = state.settings.assertion_algorithms
    for key in keys[:8]:
        decision = state.checks.assertion_signature(text, key, allowed)
        if not decision.refused:
            return
    demand(decision, _ERROR, 401)


def _use_once(state: State, client_id: str, text: str, claims: JsonObject) -> None:
    """Count the use of an assertion; no await here, so that a race has one winner."""
    jti = claims.get("jti")
    use = (client_id, f"jti {jti}" if isinstance(jti, str) else fingerprint(text))
    seen = state.store.assertions.get(use) or 0
    state.store.assertions.put(use, seen + 1)
    demand(state.checks.assertion_jti(seen), _ERROR, 401)
