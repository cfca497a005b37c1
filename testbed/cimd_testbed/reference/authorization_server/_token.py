"""The token endpoint: codes and refresh tokens become access tokens."""

from __future__ import annotations

import secrets
from typing import Any

from cimd_testbed.core import (
    JsonObject,
    grant_types,
    split_scope,
)
from cimd_testbed.net import Params, Request, Response
from cimd_testbed.reference.authorization_server._client_auth import (
    Client,
    authenticate,
)
from cimd_testbed.reference.authorization_server._errors import (
    Refused,
    demand,
    refused,
)
from cimd_testbed.reference.authorization_server._state import (
    State,
    api_response,
    names,
    single,
    values,
)
from cimd_testbed.reference.authorization_server._store import (
    AccessToken,
    Code,
    Grant,
    RefreshToken,
    fingerprint,
)


async def token(state: State, request: Request) -> Response:
    """Answer a token request (RFC 6749 section 3.2)."""
    params = request.form
    demand(state.checks.repeated_parameters(names(params)), "invalid_request")
    grant_type = single(params, "grant_type")
    if grant_type is None:
        raise refused(
            "invalid_request", "token-error-format", "No grant_type was sent."
        )
    client = await authenticate(state, request, params)
    if grant_type not in ("authorization_code", "refresh_token"):
        raise refused(
            "unsupported_grant_type", "code-no-password-grant", "Unknown grant_type."
        )
    registered = grant_types(client.document)
    demand(state.checks.grant_type(grant_type, registered), "unauthorized_client")
    # No await below: a code or refresh token presented twice at once has one winner.
    if grant_type == "authorization_code":
        return _redeem_code(state, client, params)
    return _refresh(state, client, params)


def _redeem_code(state: State, client: Client, params: Params) -> Response:
    checks, error = state.checks, "invalid_grant"
    code = state.store.codes.get(fingerprint(single(params, "code") or ""))
    if code is None:
        raise refused(error, "code-single-use", "The code is not known.")
    grant = code.grant
    demand(checks.code_client(grant.client_id, client.client_id), error)
    uri = single(params, "redirect_uri")
    demand(checks.code_redirect_uri(code.redirect_uri, uri), error)
    lifetime = state.settings.lifetimes.code
    demand(checks.code_expiry(code.issued_at, state.clock.now(), lifetime), error)
    _demand_verifier(state, code, params)
    wanted, known = values(params, "resource"), state.settings.resource_uris
    resources = checks.token_resource(wanted, grant.resources, known)
    if resources is None:
        raise refused("invalid_target", "resource-token-subset", "Not granted.")
    unused = checks.code_unused(code.redeemed)
    if unused.refused and checks.code_replay_revokes(code.redeemed):
        grant.revoked = True
    demand(unused, error)
    demand(checks.grant_alive(grant.revoked), error)
    code.redeemed += 1
    grant.auth_method = client.method
    refresh = None
    if checks.refresh_token_issued(grant_types(client.document)):
        refresh = _new_refresh_token(state, grant)
    return _token_response(state, grant, grant.scope, resources, refresh)


def _demand_verifier(state: State, code: Code, params: Params) -> None:
    decision = state.checks.pkce_verifier(
        code.code_challenge,
        code.code_challenge_method,
        single(params, "code_verifier"),
    )
    demand(decision, "invalid_grant")


def _refresh(state: State, client: Client, params: Params) -> Response:
    checks, error = state.checks, "invalid_grant"
    presented = single(params, "refresh_token") or ""
    found = state.store.refresh_tokens.get(fingerprint(presented))
    if found is None:
        raise refused(error, "refresh-client-binding", "The token is not known.")
    grant = found.grant
    demand(checks.refresh_client(grant.client_id, client.client_id), error)
    demand(checks.grant_auth_method(grant.auth_method, client.method), error)
    lifetime = state.settings.lifetimes.refresh_token
    demand(checks.refresh_expiry(found.issued_at, state.clock.now(), lifetime), error)
    demand(checks.grant_alive(grant.revoked), error)
    unused = checks.refresh_unused(found.uses)
    if unused.refused and checks.refresh_replay_revokes(found.uses):
        grant.revoked = True
    demand(unused, error)
    scope = split_scope(single(params, "scope"))
    demand(checks.refresh_scope(scope, grant.scope), "invalid_scope")
    wanted, known = values(params, "resource"), state.settings.resource_uris
    resources = checks.refresh_resource(wanted, grant.resources, known)
    if resources is None:
        raise refused(
            "invalid_target", "refresh-scope-resource-narrowing", "Not granted."
        )
    refresh = presented
    if checks.refresh_rotates(client.method == "none"):
        found.uses += 1
        refresh = _new_refresh_token(state, grant)
    return _token_response(state, grant, scope or grant.scope, resources, refresh)


def _new_refresh_token(state: State, grant: Grant) -> str:
    value = state.new_secret()
    issued = RefreshToken(grant, state.clock.now())
    state.store.refresh_tokens.put(fingerprint(value), issued)
    return value


def _token_response(
    state: State,
    grant: Grant,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    refresh_token: str | None,
) -> Response:
    """Issue an access token (RFC 9068) and answer with it (RFC 6749 section 5.1)."""
    lifetime = state.checks.access_token_lifetime(state.settings.lifetimes.access_token)
    claims = _claims(state, grant, scope, resources, lifetime)
    access_token = state.signing.sign(claims, "at+jwt")
    record = AccessToken(grant, claims)
    state.store.access_tokens.put(fingerprint(access_token), record)
    answer: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(lifetime),
        "scope": " ".join(scope),
    }
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    return api_response(answer, headers=state.checks.token_headers())


def _claims(
    state: State,
    grant: Grant,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    lifetime: float,
) -> JsonObject:
    now = int(state.clock.now())
    audience = state.checks.token_audience(resources, state.settings.resource_uris)
    claims = {
        "iss": state.issuer,
        "sub": grant.user,
        "aud": audience[0] if len(audience) == 1 else audience,
        "client_id": grant.client_id,
        "scope": " ".join(scope),
        "iat": now,
        "exp": now + int(lifetime),
        "jti": secrets.token_urlsafe(16),
    }
    return state.checks.access_token_claims(JsonObject(claims))


def token_error(state: State, request: Request, error: Refused) -> Response:
    """Answer with an OAuth error (RFC 6749 section 5.2)."""
    headers = state.checks.token_headers()
    if error.status == 401 and request.header("authorization") is not None:
        headers = (*headers, ("WWW-Authenticate", 'Basic realm="clients"'))
    answer = {"error": error.error, "error_description": error.decision.reason}
    return api_response(answer, error.status, headers)
