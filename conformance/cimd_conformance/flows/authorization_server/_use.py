"""Show that an access token works, as the target file says it can be shown."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cimd_conformance.flows._json import read_json
from cimd_conformance.flows.authorization_server._state import AsState
from cimd_testbed.net import Headers, Response

_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "cimd-conformance", "version": "1"},
    },
}


def sendable(token: str) -> bool:
    """Whether a token has the characters that tokens can have (RFC 6749 A.12)."""
    return token != "" and all(" " <= char <= "~" for char in token)


async def use_token(state: AsState, token: str) -> str | None:
    """Return None when the token works, otherwise why it does not."""
    if not sendable(token):
        return "the access token has characters that no token can have"
    match state.target.shown_by:
        case "jwks":
            return await _by_jwks(state, token)
        case "introspection":
            return await _by_introspection(state, token)
        case "userinfo":
            return await _by_userinfo(state, token)
        case _:
            return await _by_call(state, token)


async def _fetch(
    state: AsState,
    message: str,
    method: str,
    url: str,
    headers: Headers = (),
    body: bytes = b"",
) -> Response:
    response: Response | None = None
    try:
        response = await state.http.request(method, url, headers, body)
    finally:
        state.record(
            message, method, url, headers, body, response, sender="tool-server"
        )
    return response


async def _keys(state: AsState) -> KeySet:
    """Return the target's signing keys, fetched once per run."""
    cache, url = state.world.keys_cache, state.target.endpoint("jwks_uri")
    if url not in cache:
        response = await _fetch(state, "as_jwks", "GET", url)
        try:
            cache[url] = KeySet.import_key_set(read_json(response.body))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{url} is no JWK Set: {error!r}") from None
    keys: KeySet = cache[url]
    return keys


async def _by_jwks(state: AsState, token: str) -> str | None:
    target = state.target
    try:
        decoded = jwt.decode(
            token,
            await _keys(state),
            algorithms=["RS256", "ES256", "PS256", "EdDSA", "Ed25519"],
        )
    except (JoseError, ValueError, TypeError) as error:
        state.world.keys_cache.clear()
        return f"the access token is no JWT signed by the target: {error}"
    claims = decoded.claims
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != target.issuer:
        return "the access token names another issuer"
    if target.resource not in audiences:
        return "the access token is not for the resource"
    expires = claims.get("exp", 0)
    if not isinstance(expires, int | float):
        return "the access token's exp is no number"
    if expires <= state.world.now():
        return "the access token has expired"
    return None


async def _by_introspection(state: AsState, token: str) -> str | None:
    target = state.target
    pair = ":".join(target.introspection).encode()
    headers = (
        ("Authorization", f"Basic {base64.b64encode(pair).decode()}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    url = target.endpoint("introspection_endpoint")
    body = urlencode({"token": token}).encode()
    response = await _fetch(state, "introspection_request", "POST", url, headers, body)
    try:
        value: Any = read_json(response.body)
    except ValueError:
        return f"introspection answered HTTP {response.status} without JSON"
    active = isinstance(value, dict) and value.get("active") is True
    return None if active else "introspection says that the token is not active"


async def _by_userinfo(state: AsState, token: str) -> str | None:
    """Ask who the person is: good for tokens with the scope openid (OIDC Core 5.3)."""
    url = state.target.endpoint("userinfo_endpoint")
    headers = (("Authorization", f"Bearer {token}"), ("Accept", "application/json"))
    response = await _fetch(state, "userinfo_request", "GET", url, headers)
    try:
        value: Any = read_json(response.body)
    except ValueError:
        value = None
    if response.status == 200 and isinstance(value, dict) and value.get("sub"):
        return None
    return f"the userinfo endpoint answered HTTP {response.status}"


async def _by_call(state: AsState, token: str) -> str | None:
    headers = (
        ("Authorization", f"Bearer {token}"),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    )
    body = json.dumps(_INITIALIZE).encode()
    url = state.target.resource
    response = await _fetch(state, "mcp_initialize", "POST", url, headers, body)
    if response.status == 200 and b'"protocolVersion"' in response.body:
        return None
    return f"the resource answered HTTP {response.status}"
