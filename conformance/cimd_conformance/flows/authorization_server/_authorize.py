"""The authorization endpoint: send the browser, see where it lands."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlencode

from cimd_conformance.evidence import looks_opaque
from cimd_conformance.flows._edit import Params, edit_params, whole
from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.authorization_server._common import describe, end, unjudged
from cimd_conformance.flows.authorization_server._page import (
    Asked,
    all_pages,
    any_page,
    consent_page,
    cookies,
    destination,
    may_deliver,
    parameters,
)
from cimd_conformance.flows.authorization_server._state import AsState
from cimd_conformance.model import Message, Outcome, Step, Verb
from cimd_testbed.core import split_url
from cimd_testbed.net import Headers, Response, parse_params
from cimd_testbed.parties import Browser, CookieJar, Landing, OnExchange, Submission


def authorization_params(state: AsState, name: str) -> Params:
    """Return the parameters of a legitimate request, with a new verifier."""
    rng = state.world.random(f"{state.label}/{len(state.numbers)}")
    verifier = base64.urlsafe_b64encode(rng.randbytes(32)).rstrip(b"=").decode()
    state.holding(name).verifier = verifier
    state.redactor.secret("code-verifier", verifier)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    variables = state.identities[name].variables
    params = [
        ("response_type", "code"),
        ("client_id", variables["client_id"]),
        ("redirect_uri", variables["redirect_uri"]),
        ("scope", variables["scope"]),
        ("state", f"state-{rng.getrandbits(64):x}"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        ("resource", variables["resource"]),
    ]
    left_out = {"no-resource": "resource"}
    skip = {left_out.get(name) for name in state.accommodations}
    return [(name, value) for name, value in params if value and name not in skip]


def _changed(state: AsState, step: Step) -> frozenset[str]:
    """Return the messages of this step that carry the change."""
    if step.as_ != "client":
        return frozenset()
    request, consent = Message.AUTHORIZATION_REQUEST, Message.CONSENT_REQUEST
    carried = {Message.FLOW: request, request: request, consent: consent}
    return frozenset(
        sent.value for named, sent in carried.items() if state.changes(named)
    )


def make_browser(state: AsState, step: Step, asked: Asked) -> Browser:
    """Return a browser that records what it does, with the cookies of another one.

    It goes where the target is, and to its identity provider unless told to stop there.
    """
    own = state.target.own_origins
    if step.with_.get("until") == "provider":
        own -= {state.target.provider}

    def learn(kind: str, value: str) -> None:
        if kind != "hidden-field" or looks_opaque(value):
            state.redactor.secret(kind, value)

    return Browser(
        state.http,
        state.target.users[0],
        own,
        _recorder(state, step),
        lambda form: _edit_consent(state, form),
        learn,
        find_exit=lambda page, asking: destination(page, asked, asking=asking),
        approves=step.do is Verb.AUTHORIZE and step.with_.get("until") != "consent",
        cookies=_cookies(state, step),
    )


def _recorder(state: AsState, step: Step) -> OnExchange:
    """Return what keeps the exchanges of a browser."""
    changed = _changed(state, step)

    def on_exchange(
        message: str,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        response: Response | None,
    ) -> None:
        away = at_provider(state, url)
        state.record(
            message,
            method,
            url,
            headers,
            body,
            response,
            sender="browser",
            receiver="identity provider" if away else "target",
            changed=message in changed,
        )
        if away:
            state.departures[step.as_] = url
        elif response is not None:
            state.answers.append(response)
            if message == "consent_request":
                state.messages[Message.COOKIES] = cookies(response)

    return on_exchange


def _cookies(state: AsState, step: Step) -> CookieJar:
    """Return the cookies to begin with: none, or those of a browser that was there."""
    usual = step.as_ if step.do is Verb.RETURN else "new"
    known = state.browsers.get(str(step.with_.get("browser", usual)))
    return known.cookies if known is not None else CookieJar()


def at_provider(state: AsState, url: str) -> bool:
    """Whether a URL is one of the identity provider that the target sends people to."""
    return bool(url) and split_url(url).origin.lower() == state.target.provider


def _edit_consent(state: AsState, form: Submission) -> Submission:
    changes = state.changes(Message.CONSENT_REQUEST)
    if not changes:
        return form
    state.sent.add(Message.CONSENT_REQUEST)
    body = urlencode(edit_params(parse_params(form.body), changes))
    return Submission(form.method, form.url, body, form.is_login, form.hidden)


async def authorize(state: AsState, step: Step) -> StepEnd:
    """Send the browser to the authorization endpoint and see where it lands."""
    changes = (
        state.changes(Message.AUTHORIZATION_REQUEST) if step.as_ == "client" else []
    )
    params = edit_params(authorization_params(state, step.as_), changes)
    replaced = whole(changes)
    query = (
        replaced.decode("utf-8", "surrogateescape")
        if replaced is not None
        else urlencode(params)
    )
    if changes:
        state.sent.add(Message.AUTHORIZATION_REQUEST)
    state.messages[Message.AUTHORIZATION_REQUEST] = dict(params)
    endpoint = state.target.endpoint("authorization_endpoint")
    mark = "&" if "?" in endpoint else "?"
    asked = _asked(state, step, dict(params))
    state.answers.clear()
    state.browsers[step.as_] = browser = make_browser(state, step, asked)
    landing = await browser.visit(f"{endpoint}{mark}{query}")
    return landed(state, step, landing, asked)


def _asked(state: AsState, step: Step, params: dict[str, str]) -> Asked:
    registered = state.identities[step.as_].variables["redirect_uri"]
    uri = params.get("redirect_uri") or registered
    return Asked(uri, params.get("state", ""), state.target.own_origins)


def landed(state: AsState, step: Step, landing: Landing, asked: Asked) -> StepEnd:
    """Say where the browser ended, and keep what came back."""
    answer = parameters(landing.location or "") | dict(parse_params(landing.body))
    if landing.consent is not None:
        state.messages[Message.CONSENT_PAGE] = consent_page(landing.consent)
    if landing.page is not None and state.asks_for(Message.PAGE):
        asked_for = state.messages[Message.AUTHORIZATION_REQUEST]
        state.messages[Message.PAGE] = any_page(landing.page, asked_for)
    if state.asks_for(Message.PAGES):
        state.messages[Message.PAGES] = all_pages(
            state.answers, asked=landing.consent is not None, coded="code" in answer
        )
    until = step.with_.get("until")
    if until == "consent" and landing.consent is not None:
        return end(step, Outcome.COMPLETED, "the server asks the person")
    if until == "provider" and at_provider(state, landing.location or ""):
        state.departures[step.as_] = landing.location or ""
        return end(step, Outcome.COMPLETED, "the identity provider is next")
    if landing.location is None:
        return _kept(step, landing, asked)
    shown = state.redactor.text(landing.location)
    _note_navigation(state, landing.location, shown)
    state.messages[Message.AUTHORIZATION_RESPONSE] = answer
    if not _goes_to(landing.location, asked.redirect_uri):
        return end(step, Outcome.REDIRECTED_ELSEWHERE, f"browser sent to {shown}")
    if "code" in answer:
        holding = state.holding(step.as_)
        holding.code, holding.redirect_uri = answer["code"], asked.redirect_uri
        state.redactor.secret("code", holding.code)
        return end(step, Outcome.COMPLETED, "a code reached the redirect URI")
    error = answer.get("error", "no error code")
    if error == "temporarily_unavailable":
        return end(step, Outcome.RATE_LIMITED, f"error redirect: {error}")
    return end(step, Outcome.REFUSED_WITH_REDIRECT, f"error redirect: {error}")


def _kept(step: Step, landing: Landing, asked: Asked) -> StepEnd:
    page = landing.page
    if page is None:
        return end(step, Outcome.NO_ANSWER, "login and consent never ended")
    if outcome := unjudged(page):
        return end(step, outcome, describe(page))
    if page.status < 300 and may_deliver(page, asked):
        detail = f"{describe(page)} that may hold the answer, by no known way"
        return end(step, Outcome.NO_ANSWER, detail)
    return end(step, Outcome.REFUSED_WITHOUT_REDIRECT, f"page: {describe(page)}")


def _goes_to(location: str, redirect_uri: str) -> bool:
    """Whether a location is the redirect URI, by string, plus response parameters."""
    if not location.startswith(redirect_uri):
        return False
    rest = location[len(redirect_uri) :]
    return rest == "" or rest[0] in "?#&"


def _note_navigation(state: AsState, location: str, shown: str) -> None:
    authority = (split_url(location).authority or "").rpartition("@")[2]
    place = state.world.evidence.place_of(state.label, authority)
    if place is not None:
        number = state.numbers[-1] if state.numbers else 0
        state.world.evidence.navigated(state.label, place, number, shown)
