"""Authorization responses, and the error page where one has nowhere to go."""

from __future__ import annotations

from dataclasses import dataclass

from cimd_testbed.net import Response, redirect_response
from cimd_testbed.reference.authorization_server._errors import FetchError, Refused
from cimd_testbed.reference.authorization_server._pages import page
from cimd_testbed.reference.authorization_server._state import State
from cimd_testbed.reference.authorization_server._store import (
    AuthorizationRequest,
    Code,
    Grant,
    fingerprint,
)


@dataclass(slots=True)
class Destination:
    """Where an authorization response would go, and what of it is known good."""

    uri: str | None
    state: str | None
    client_valid: bool = False
    uri_valid: bool = False


def send_authorization_response(
    state: State, method: str, uri: str, parameters: dict[str, str | None]
) -> Response:
    """Send the browser to a client with `parameters`, `state` and `iss`."""
    checks = state.checks
    issuer = checks.response_issuer(state.issuer, "error" in parameters)
    sent = {
        **parameters,
        "state": checks.response_state(parameters["state"]),
        "iss": issuer,
    }
    present = tuple((name, value) for name, value in sent.items() if value is not None)
    location = checks.response_location(uri, present)
    headers = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
    return redirect_response(location, checks.redirect_status(method), headers)


def send_code(
    state: State, method: str, user: str, valid: AuthorizationRequest
) -> Response:
    """Issue a code and send it to the client (RFC 6749 section 4.1.2)."""
    grant = Grant(valid.client_id, user, valid.scope, valid.resources)
    code = state.new_secret()
    issued = Code(
        grant,
        valid.redirect_uri,
        valid.code_challenge,
        valid.code_challenge_method,
        state.clock.now(),
    )
    state.store.codes.put(fingerprint(code), issued)
    parameters = {"code": code, "state": valid.state}
    return send_authorization_response(state, method, valid.redirect_uri, parameters)


def refuse_authorization(
    state: State, method: str, destination: Destination, error: Refused | FetchError
) -> Response:
    """Tell the client where that is safe, else the user."""
    text, status = error.decision.reason, 400
    if isinstance(error, Refused):
        code = error.error
    else:
        code, text = "invalid_client", state.checks.failure_text(text, error.body)
        status = state.checks.failure_status(error.decision.clause)
    target = state.checks.error_redirect(
        destination.client_valid, destination.uri_valid, destination.uri
    )
    if target is None:
        return error_page(state, code, text, status)
    parameters = {
        "error": code,
        "error_description": text,
        "state": destination.state,
    }
    return send_authorization_response(state, method, target, parameters)


def error_page(state: State, code: str, text: str, status: int = 400) -> Response:
    """Make an error page; there is no way on from it."""
    return page(state, "error.html", status, error=code, text=text)
