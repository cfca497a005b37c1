"""The user's part: log in, read who asks for what, say yes or no."""

from __future__ import annotations

import hmac
from urllib.parse import urlencode

from cimd_testbed.core import JsonObject
from cimd_testbed.net import Params, Request, Response, redirect_response
from cimd_testbed.reference.authorization_server._also import fetch_also
from cimd_testbed.reference.authorization_server._errors import (
    FetchError,
    Refused,
    demand,
)
from cimd_testbed.reference.authorization_server._pages import page
from cimd_testbed.reference.authorization_server._provider import (
    early_state,
    send_to_provider,
)
from cimd_testbed.reference.authorization_server._responses import (
    Destination,
    error_page,
    refuse_authorization,
    send_authorization_response,
    send_code,
)
from cimd_testbed.reference.authorization_server._sessions import (
    find_session,
    start_session,
)
from cimd_testbed.reference.authorization_server._state import State, single
from cimd_testbed.reference.authorization_server._store import (
    AuthorizationRequest,
    LoginRequest,
    Question,
    Session,
)


def ask_for_login(state: State, session: Session | None, params: Params) -> Response:
    """Show the login page; the authorization request goes on after it."""
    headers: tuple[tuple[str, str], ...] = ()
    if session is None:
        session, cookie = start_session(state, None)
        headers = (cookie,)
    target = f"{state.path('authorize')}?{urlencode(params)}"
    login = LoginRequest(session.id, state.new_secret(), target, state.clock.now())
    request_id = state.new_secret()
    state.store.logins.put(request_id, login)
    return _login_page(state, request_id, login, headers)


def _login_page(
    state: State,
    request_id: str,
    login: LoginRequest,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    failed: bool = False,
) -> Response:
    return page(
        state,
        "login.html",
        headers=headers,
        action=state.path("login"),
        request_id=request_id,
        csrf_token=login.csrf,
        failed=failed,
    )


def log_in(state: State, request: Request) -> Response:
    """Check name and password; a login begins a new session."""
    params = request.form
    request_id = single(params, "request") or ""
    login = state.store.logins.get(request_id)
    session = find_session(state, request)
    if login is None or session is None or session.id != login.session:
        return error_page(state, "invalid_request", "Please start again at your app.")
    try:
        csrf = state.checks.login_csrf(login.csrf, single(params, "csrf_token"))
        demand(csrf, "invalid_request")
    except Refused as error:
        return error_page(state, error.error, error.decision.reason)
    user, password = single(params, "username"), single(params, "password") or ""
    expected = state.settings.users.get(user or "")
    right = hmac.compare_digest((expected or "").encode(), password.encode())
    if user is None or expected is None or not right:
        return _login_page(state, request_id, login, failed=True)
    state.store.logins.drop(request_id)
    state.store.sessions.drop(session.id)
    _, cookie = start_session(state, user)
    return redirect_response(login.target, 303, (cookie, ("Cache-Control", "no-store")))


async def ask_for_consent(
    state: State,
    request: Request,
    session: Session,
    user: str,
    valid: AuthorizationRequest,
) -> Response:
    """Show the consent page (CIMD-03 section 9.5, RFC 6749 section 10.2)."""
    approved = state.store.approvals.get(user) or ()
    if not state.checks.consent_required(valid.client_id, approved, valid.document):
        return _go_on(state, request.method, user, valid)
    question = Question(valid, session.id, user, state.new_secret(), state.clock.now())
    question_id = state.new_secret()
    state.store.questions.put(question_id, question)
    checks, document = state.checks, valid.document
    await fetch_also(state, valid.client_id, document)
    name = document.text("client_name")
    return page(
        state,
        "consent.html",
        headers=early_state(state, valid),
        action=state.path("consent"),
        request_id=question_id,
        csrf_token=question.csrf,
        user=user,
        hosts=checks.consent_hosts(valid.client_id, valid.redirect_uri),
        client_name=None if name is None else checks.consent_text(name),
        loopback=checks.consent_loopback_warning(document.texts("redirect_uris")),
        links=_links(document),
        logo=await _logo(state, document),
        scope=checks.consent_scope(valid.scope),
        resources=valid.resources,
    )


def _links(document: JsonObject) -> list[tuple[str, str]]:
    """Return what the document links to; that they are web addresses was judged."""
    titles = {
        "client_uri": "Its home page",
        "policy_uri": "Its privacy policy",
        "tos_uri": "Its terms",
    }
    found = [(title, document.text(name)) for name, title in titles.items()]
    return [(title, link) for title, link in found if link is not None]


async def _logo(state: State, document: JsonObject) -> str | None:
    logo_uri = document.text("logo_uri")
    if logo_uri is None:
        return None
    copy = await state.logos.copy(logo_uri)
    own = state.path(f"logo/{copy}") if copy else None
    return state.checks.consent_logo(logo_uri, own)


async def answer_consent(state: State, request: Request) -> Response:
    """Take the user's answer and send the browser back to the client."""
    params = request.form
    question_id = single(params, "request") or ""
    question = state.store.questions.get(question_id)
    lifetime = state.settings.lifetimes.request
    if question is None or state.clock.now() - question.asked_at >= lifetime:
        return error_page(state, "invalid_request", "Please start again at your app.")
    try:
        _demand_own_answer(state, request, params, question)
    except Refused as error:
        return error_page(state, error.error, error.decision.reason, 403)
    question.answers += 1
    valid = question.request
    destination = Destination(valid.redirect_uri, valid.state)
    try:
        await _judge_again(state, valid, destination)
    except (Refused, FetchError) as error:
        return refuse_authorization(state, request.method, destination, error)
    if not state.checks.consent_given(single(params, "decision")):
        parameters = {"error": "access_denied", "state": valid.state}
        return send_authorization_response(
            state, request.method, valid.redirect_uri, parameters
        )
    approved = state.store.approvals.get(question.user) or ()
    state.store.approvals.put(question.user, (*approved, valid.client_id))
    return _go_on(state, request.method, question.user, valid)


def _demand_own_answer(
    state: State, request: Request, params: Params, question: Question
) -> None:
    """Demand that the answer comes from the page and the browser that were asked."""
    checks, session = state.checks, find_session(state, request)
    answering = session.id if session else None
    demand(checks.consent_session(question.session, answering), "access_denied")
    csrf = checks.consent_csrf(question.csrf, single(params, "csrf_token"))
    demand(csrf, "access_denied")
    demand(checks.consent_unanswered(question.answers), "access_denied")


async def _judge_again(
    state: State, valid: AuthorizationRequest, destination: Destination
) -> None:
    """Judge document and redirect URI once more, just before a code is issued.

    While the page was open the client may have withdrawn its redirect URI.
    """
    failure: FetchError | None = None
    current: JsonObject | None = None
    try:
        current = await state.clients.find(valid.client_id, valid.redirect_uri)
    except FetchError as error:
        failure = error
    document = state.checks.document_at_issue(valid.document, current)
    if document is None:
        assert failure is not None, "a document is missing only after a failure"
        raise failure
    destination.client_valid = True
    registered = document.texts("redirect_uris")
    exact = state.checks.redirect_uri(valid.redirect_uri, registered)
    if exact.refused:
        near = state.checks.loopback_port(valid.redirect_uri, registered)
        demand(near, "invalid_request")
    destination.uri_valid = True


def _go_on(
    state: State, method: str, user: str, valid: AuthorizationRequest
) -> Response:
    """Go on with what the user agreed to: with a code, or at the identity provider."""
    if state.settings.provider is not None:
        return send_to_provider(state, valid)
    return send_code(state, method, user, valid)


def logo(state: State, name: str) -> Response:
    """Serve our copy of a logo."""
    found = state.logos.get(name)
    if found is None:
        return Response(404)
    headers = (("Content-Type", found.media_type), *state.checks.page_headers())
    return Response(200, headers, found.body)
