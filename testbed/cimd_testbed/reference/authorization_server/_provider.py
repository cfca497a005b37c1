"""Where an identity provider knows the people: there and back, after the question.

The provider takes every client of ours for this one server. That is why each of them is
asked about here first, and why the way back is bound to the browser that agreed.
"""

from __future__ import annotations

import base64
from urllib.parse import quote_plus, urlencode

from cimd_testbed.core import JsonObject, parse_json_object, read_unverified_jwt
from cimd_testbed.net import (
    Headers,
    HttpError,
    Request,
    Response,
    redirect_response,
)
from cimd_testbed.reference.authorization_server._errors import Refused, demand
from cimd_testbed.reference.authorization_server._responses import (
    error_page,
    send_authorization_response,
    send_code,
)
from cimd_testbed.reference.authorization_server._sessions import start_session
from cimd_testbed.reference.authorization_server._settings import Provider
from cimd_testbed.reference.authorization_server._state import State, single
from cimd_testbed.reference.authorization_server._store import (
    AuthorizationRequest,
    Departure,
    Session,
    fingerprint,
)

_NO_STORE = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))


def start_visit(state: State) -> tuple[Session, Headers]:
    """Begin the session of a browser whose user only the provider knows."""
    session, cookie = start_session(state, f"Visitor {state.new_secret()[:8]}")
    return session, (cookie,)


def early_state(state: State, valid: AuthorizationRequest) -> Headers:
    """Return the cookie that the question comes with: none, before the answer."""
    provided = state.settings.provider is not None
    if not provided or not state.checks.provider_state_made(False):
        return ()
    return (_depart(state, valid)[1],)


def send_to_provider(state: State, valid: AuthorizationRequest) -> Response:
    """Send the browser to the provider, as the one client that is known there."""
    provider = _provider(state)
    value, cookie = _depart(state, valid)
    params = {
        "response_type": "code",
        "client_id": provider.credentials[0],
        "redirect_uri": state.endpoint("callback"),
        "scope": provider.scope,
        "state": value,
    }
    url = f"{provider.authorize}?{urlencode(params)}"
    return redirect_response(url, 303, (cookie, *_NO_STORE))


def _depart(state: State, valid: AuthorizationRequest) -> tuple[str, tuple[str, str]]:
    """Make a state, and the header that binds it to this browser."""
    value, secure = state.new_secret(), _secure(state)
    departure = Departure(valid, state.clock.now())
    state.store.departures.put(fingerprint(value), departure)
    name = state.checks.provider_cookie_name(secure)
    attributes = state.checks.provider_cookie_attributes(secure)
    return value, ("Set-Cookie", f"{name}={value}; {attributes}")


async def come_back(state: State, request: Request) -> Response:
    """Take the browser back from the provider, and send the client its code."""
    value = single(request.query, "state") or ""
    departure = state.store.departures.get(fingerprint(value))
    if state.settings.provider is None or departure is None:
        return error_page(state, "invalid_request", "Please start again at your app.")
    try:
        _demand_own_return(state, request, value, departure)
    except Refused as error:
        return error_page(state, error.error, error.decision.reason, 403)
    departure.returns += 1
    valid = departure.request
    user = await _whose(state, single(request.query, "code"))
    if user is None:
        parameters = {"error": "access_denied", "state": valid.state}
        return send_authorization_response(
            state, request.method, valid.redirect_uri, parameters
        )
    return send_code(state, request.method, user, valid)


def _demand_own_return(
    state: State, request: Request, value: str, departure: Departure
) -> None:
    """Demand that the browser that agreed comes back, once, and soon."""
    checks, now = state.checks, state.clock.now()
    cookie = request.cookies.get(checks.provider_cookie_name(_secure(state)))
    demand(checks.provider_browser(value, cookie), "access_denied")
    demand(checks.provider_state_unused(departure.returns), "access_denied")
    lifetime = state.settings.lifetimes.request
    age = checks.provider_state_age(departure.left_at, lifetime, now)
    demand(age, "access_denied")


async def _whose(state: State, code: str | None) -> str | None:
    """Ask the provider who logged in; None when it does not say."""
    provider = _provider(state)
    pair = ":".join(map(quote_plus, provider.credentials))
    headers = (
        ("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
    )
    form = {
        "grant_type": "authorization_code",
        "code": code or "",
        "redirect_uri": state.endpoint("callback"),
    }
    body = urlencode(form).encode()
    try:
        answer = await state.http.request("POST", provider.token, headers, body)
        said = parse_json_object(answer.body)
    except (HttpError, OSError, TimeoutError, ValueError):
        return None
    return _subject(said) if answer.status == 200 else None


def _subject(said: JsonObject) -> str | None:
    """Read who it is; the token came from the provider itself, over TLS."""
    token = read_unverified_jwt(said.text("access_token") or "")
    return token.claims.text("sub") if token else None


def _provider(state: State) -> Provider:
    provider = state.settings.provider
    assert provider is not None, "nobody gets here without one"
    return provider


def _secure(state: State) -> bool:
    return state.issuer.startswith("https:")
