"""The authorization endpoint: from parameters to a question for the user."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cimd_testbed.core import (
    JsonObject,
    granted_scope,
    split_scope,
)
from cimd_testbed.net import Headers, Params, Request, Response
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    Refused,
    demand,
    refused,
)
from cimd_testbed.reference.authorization_server._interaction import (
    ask_for_consent,
    ask_for_login,
)
from cimd_testbed.reference.authorization_server._provider import start_visit
from cimd_testbed.reference.authorization_server._responses import (
    Destination,
    refuse_authorization,
)
from cimd_testbed.reference.authorization_server._sessions import find_session
from cimd_testbed.reference.authorization_server._state import (
    State,
    names,
    single,
    values,
)
from cimd_testbed.reference.authorization_server._store import AuthorizationRequest


@dataclass(slots=True)
class _Reading:
    """What is known of a request while it is being judged."""

    params: Params
    destination: Destination
    client_id: str = ""
    document: JsonObject = field(default_factory=JsonObject)


async def authorize(state: State, request: Request) -> Response:
    """Answer an authorization request (RFC 6749 section 3.1)."""
    params = request.form if request.method == "POST" else request.query
    destination = Destination(single(params, "redirect_uri"), single(params, "state"))
    reading = _Reading(params, destination)
    session = find_session(state, request)
    cookies: Headers = ()
    if session is None and state.settings.provider is not None:
        session, cookies = start_visit(state)
    user = session.user if session else None
    try:
        _read_client_id(state, reading)
        if not state.checks.fetch_for_visitor(user is not None):
            return ask_for_login(state, session, params)
        await _read_client(state, reading)
        valid = _read_request(state, reading)
    except (Refused, FetchError) as error:
        return refuse_authorization(state, request.method, destination, error)
    if session is None or user is None:
        return ask_for_login(state, session, params)
    answer = await ask_for_consent(state, request, session, user, valid)
    return replace(answer, headers=(*answer.headers, *cookies))


def _read_client_id(state: State, reading: _Reading) -> None:
    """Judge what can be judged without fetching anything."""
    decision = state.checks.repeated_parameters(names(reading.params))
    demand(decision, "invalid_request")
    client_id = single(reading.params, "client_id")
    if client_id is None:
        raise refused(
            "invalid_request", "cimd-fetch-error-no-redirect", "No client_id was sent."
        )
    state.clients.judge(client_id)
    reading.client_id = client_id


async def _read_client(state: State, reading: _Reading) -> None:
    """Find the client, and the redirect URI that it registered."""
    reading.document = await state.clients.find(
        reading.client_id, reading.destination.uri
    )
    reading.destination.client_valid = True
    reading.destination.uri = registered_redirect_uri(
        state, reading.document, reading.destination.uri
    )
    reading.destination.uri_valid = True


def registered_redirect_uri(
    state: State, document: JsonObject, requested: str | None
) -> str:
    """Return the redirect URI to use; raises `Refused` when none is registered."""
    registered = document.texts("redirect_uris")
    required = state.checks.redirect_uri_required(requested, registered)
    demand(required, "invalid_request")
    uri = requested or next(iter(registered), "")
    exact = state.checks.redirect_uri(uri, registered)
    if exact.refused:
        demand(state.checks.loopback_port(uri, registered), "invalid_request")
    return uri


def _read_request(state: State, reading: _Reading) -> AuthorizationRequest:
    """Judge the rest; from here on errors go to the client."""
    checks, settings, params = state.checks, state.settings, reading.params
    document = reading.document
    demand(
        checks.response_type(single(params, "response_type")),
        "unsupported_response_type",
    )
    demand(checks.response_mode(single(params, "response_mode")), "invalid_request")
    methods = checks.auth_methods(document, settings.auth_methods)
    demand(checks.auth_method_in_common(methods), "unauthorized_client")
    _demand_pkce(state, params, public="none" in methods)
    requested = values(params, "resource")
    resources = checks.resource(requested, settings.resource_uris)
    if resources is None:
        raise refused("invalid_target", "resource-unknown", "Unknown resource.")
    wanted = split_scope(single(params, "scope"))
    stated = document.text("scope")
    ceiling = None if stated is None else split_scope(stated)
    demand(checks.scope(wanted, settings.scopes, ceiling), "invalid_scope")
    uri = reading.destination.uri
    assert uri is not None, "the redirect URI was found before"
    return AuthorizationRequest(
        client_id=reading.client_id,
        document=document,
        redirect_uri=uri,
        state=single(params, "state"),
        scope=granted_scope(wanted, _default_scope(state, resources), ceiling),
        resources=resources,
        code_challenge=single(params, "code_challenge"),
        code_challenge_method=single(params, "code_challenge_method"),
    )


def _demand_pkce(state: State, params: Params, *, public: bool) -> None:
    challenge = single(params, "code_challenge")
    method = single(params, "code_challenge_method")
    demand(state.checks.pkce_required(challenge, public), "invalid_request")
    demand(state.checks.pkce_challenge(challenge), "invalid_request")
    demand(state.checks.pkce_method(challenge, method), "invalid_request")


def _default_scope(state: State, resources: tuple[str, ...]) -> tuple[str, ...]:
    meant = [item for item in state.settings.resources if item.uri in resources]
    return tuple(dict.fromkeys(scope for item in meant for scope in item.scopes))
