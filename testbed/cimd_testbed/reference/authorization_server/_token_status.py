"""Revocation (RFC 7009) and introspection (RFC 7662)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any
from urllib.parse import unquote_plus

from cimd_testbed.core import JsonObject
from cimd_testbed.net import Request, Response
from cimd_testbed.reference.authorization_server._client_auth import authenticate
from cimd_testbed.reference.authorization_server._errors import demand, refused
from cimd_testbed.reference.authorization_server._settings import Resource
from cimd_testbed.reference.authorization_server._state import (
    State,
    api_response,
    names,
    single,
)
from cimd_testbed.reference.authorization_server._store import (
    AccessToken,
    RefreshToken,
    fingerprint,
)


def _token_parameter(state: State, request: Request) -> str:
    demand(state.checks.repeated_parameters(names(request.form)), "invalid_request")
    token = single(request.form, "token")
    if token is None:
        raise refused("invalid_request", "revocation-works", "No token was sent.")
    return token


async def revoke(state: State, request: Request) -> Response:
    """Revoke a token of the client that asks (RFC 7009 section 2).

    With a refresh token goes the whole grant; an unknown token is no error.
    """
    token = _token_parameter(state, request)
    client = await authenticate(state, request, request.form)
    found = _find(state, token)
    if found is None:
        return Response(200, state.checks.token_headers())
    owner = found.grant.client_id
    demand(state.checks.revocation_client(owner, client.client_id), "invalid_grant")
    if isinstance(found, RefreshToken):
        found.grant.revoked = True
    else:
        found.revoked = True
    return Response(200, state.checks.token_headers())


def _find(state: State, token: str) -> RefreshToken | AccessToken | None:
    key = fingerprint(token)
    return state.store.refresh_tokens.get(key) or state.store.access_tokens.get(key)


async def introspect(state: State, request: Request) -> Response:
    """Tell a protected resource about a token for it (RFC 7662 section 2)."""
    token = _token_parameter(state, request)
    resource = _caller(state, request)
    uri = resource.uri if resource else None
    demand(state.checks.introspection_caller(uri), "invalid_client", 401)
    found = state.store.access_tokens.get(fingerprint(token))
    answer = _describe(state, uri, found) if found else {"active": False}
    return api_response(answer, headers=state.checks.token_headers())


def _caller(state: State, request: Request) -> Resource | None:
    """Return the protected resource whose credentials came along (RFC 7617)."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, _, password = text.partition(":")
    given = (unquote_plus(name), unquote_plus(password))
    for resource in state.settings.resources:
        if resource.credentials and hmac.compare_digest(
            repr(resource.credentials).encode(), repr(given).encode()
        ):
            return resource
    return None


def _describe(state: State, resource: str | None, token: AccessToken) -> dict[str, Any]:
    checks, claims = state.checks, token.claims
    audience = _audience(claims)
    dead = token.revoked or token.grant.revoked
    expired = (claims.number("exp") or 0) <= state.clock.now()
    if (
        expired
        or checks.grant_alive(dead).refused
        or checks.introspection_audience(resource, audience).refused
    ):
        return {"active": False}
    return {"active": True, "token_type": "Bearer", **claims.plain()}


def _audience(claims: JsonObject) -> tuple[str, ...]:
    single_value = claims.text("aud")
    return claims.texts("aud") if single_value is None else (single_value,)
