"""Causes at the authorization endpoint: login, consent, and what was asked for."""

from __future__ import annotations

import re

from cimd_conformance.engine._diagnose_document import document_member
from cimd_conformance.engine._diagnose_start import LOCAL
from cimd_conformance.engine._diagnosis import (
    Case,
    Diagnosis,
    first_of,
    header_of,
    listed,
    printed,
    quoted,
    status_of,
)
from cimd_conformance.flows.authorization_server import TargetView
from cimd_conformance.model import Exchange, Message, Outcome
from cimd_testbed.core import split_url
from cimd_testbed.net import parse_params

AsCase = Case[TargetView]

_CREDENTIALS = re.compile(
    r"(?:invalid|incorrect|wrong|bad|unknown|failed|unauthori[sz]ed|try again|denied)"
    r".{0,60}(?:user|password|credential|login|log in|sign[- ]?in|account)|"
    r"(?:user|password|credential|login|log in|sign[- ]?in|account).{0,60}"
    r"(?:invalid|incorrect|wrong|not found|unknown|failed|try again|does not exist)",
    re.IGNORECASE,
)
_SCOPE_ERROR = re.compile(r"\b(?:invalid|insufficient)_scope\b")
_SCOPE = re.compile(
    r"\bscopes?\b.{0,40}(?:invalid|unknown|not (?:allowed|permitted|supported|valid|"
    r"granted))|(?:invalid|unknown|unsupported).{0,20}\bscopes?\b",
    re.IGNORECASE,
)


def authorize(case: AsCase) -> Diagnosis | None:
    """Return why no code came back."""
    return first_of(_RULES, case)


# --- login and consent --------------------------------------------------------------


def _login(case: AsCase) -> Diagnosis | None:
    """Return that the login form was filled in and nobody was logged in."""
    tries = case.of("target", "login_request")
    if not tries:
        return None
    again = len(tries) > 1 and case.end.outcome is Outcome.NO_ANSWER
    last = tries[-1]
    refused = case.last is last and (
        status_of(last) in (401, 403) or bool(_CREDENTIALS.search(case.said))
    )
    if not again and not refused:
        return None
    names = listed(f"`{name}`" for name, _ in parse_params(last.request.body))
    how = "the form came again" if again else f"HTTP {status_of(last)} came back"
    who = case.view.users[0].username
    whose = "`login.users`" if case.file.login.users else "no `login.users`"
    return Diagnosis(
        "login",
        "login-failed",
        f"The login form was sent to {_path(last)} with the fields {names} as {who!r}, "
        f"and {how}.{quoted(case.said)}",
        f"The file has {whose}: write a username and a password that the target knows, "
        "or let the target make that account when it starts.",
        ("login.users",),
    )


def _consent_loop(case: AsCase) -> Diagnosis | None:
    pressed = case.of("target", "consent_request")
    if case.end.outcome is not Outcome.NO_ANSWER or len(pressed) < 2:
        return None
    last = pressed[-1]
    names = listed(f"`{n}={v[:20]}`" for n, v in parse_params(last.request.body))
    return Diagnosis(
        "login",
        "consent-loop",
        f"A form without a password was sent to {_path(last)} {len(pressed)} times "
        f"({names or 'no fields'}), and a form came again.{quoted(case.said)}",
        "The page wants something that the `form` driver does not know: let the test "
        "system ask less (no second factor, no captcha), or write a user of "
        "`login.users` for whom it does.",
        ("login.driver", "login.users"),
    )


def _page_without_form(case: AsCase) -> Diagnosis | None:
    last = case.last
    if case.end.outcome not in (Outcome.REFUSED_WITHOUT_REDIRECT, Outcome.NO_ANSWER):
        return None
    if last is None or last.response is None or status_of(last) != 200:
        return None
    kind = header_of(last, "content-type")
    if "html" not in kind:
        return None
    script = "<script" in last.response.body.lower()
    why = "It is made by JavaScript, which the driver does not run." if script else ""
    return Diagnosis(
        "login",
        "no-form",
        f"{_path(last)} answered with a page without a form. {why}{quoted(case.said)}",
        "The `form` driver presses buttons of plain HTML forms. Let the test system "
        "show its server-rendered login, or switch login and consent off for it.",
        ("login.driver", "server.env"),
    )


def _elsewhere(case: AsCase) -> Diagnosis | None:
    """Return that the browser was sent where it may not go."""
    if case.end.outcome is not Outcome.REDIRECTED_ELSEWHERE:
        return None
    url = case.result.redact(case.end.detail.removeprefix("browser sent to "))
    origin, issuer = split_url(url).origin, split_url(case.view.issuer).origin
    if split_url(url).host in LOCAL and origin != issuer:
        return Diagnosis(
            "login",
            "public-url",
            f"The browser was sent to {origin}, where the target listens; but it is "
            f"called {issuer} here.",
            "Tell the target its public URL: `server.env` with the variable that it "
            'reads for it, = "{origin}". Behind a proxy it may need '
            "`server.forwarded = true`.",
            ("server.env", "server.forwarded"),
        )
    return Diagnosis(
        "login",
        "login-origin",
        f"The browser was sent to {origin}, which is not an origin of the target, "
        "before there was an answer.",
        f'If login happens there, allow it: `login.origins = ["{origin}"]`. In the lab '
        "that server has to be inside too: start it from `server.start`, or let the "
        "target use the testbed's identity provider (`{upstream.authorize}`, "
        "`{upstream.token}`, `{upstream.jwks}`).",
        ("login.origins", "server.env"),
    )


def _denied(case: AsCase) -> Diagnosis | None:
    if "access_denied" not in case.end.detail:
        return None
    return Diagnosis(
        "login",
        "consent-refused",
        "The browser came back with access_denied: consent was not given."
        + quoted(_redirected(case)),
        "Either the wrong button of the consent page was pressed, or the user of "
        "`login.users` may not give this consent: give a user who may.",
        ("login.users",),
    )


# --- what was asked for -------------------------------------------------------------


def scope(case: AsCase) -> Diagnosis | None:
    """Return that the scope of the file is not known to the target."""
    words = f"{case.end.detail} {case.words}"
    if not _SCOPE_ERROR.search(words) and not _SCOPE.search(case.said):
        return None
    known = case.view.metadata.get("scopes_supported")
    offers = f" It announces {listed(known)}." if isinstance(known, list) else ""
    return Diagnosis(
        "control",
        "scope-not-granted",
        f"The target does not grant the scope {case.view.scope!r}."
        f"{quoted(_redirected(case) or case.said)}{offers}",
        "Write a scope that it grants to any client into `resource.scope`, or leave "
        "the field out.",
        ("resource.scope",),
    )


def resource(case: AsCase) -> Diagnosis | None:
    """Return that the target does not know the resource."""
    if "invalid_target" not in f"{case.end.detail} {case.words}":
        return None
    return Diagnosis(
        "control",
        "resource-unknown",
        f"The target issues no tokens for the resource {case.view.resource}."
        + quoted(_redirected(case) or case.said),
        "Write the URL that it protects into `resource.uri`, or tell the target that "
        "it protects this one; if it takes no `resource` parameter, declare the "
        'accommodation `what = "no-resource"`.',
        ("resource.uri", "accommodation"),
    )


def _not_fetched(case: AsCase) -> Diagnosis | None:
    """Return that the document was not even looked for."""
    if case.of("client", "client_document") or any(s.depth > 1 for s in case.seen):
        return None
    announced = case.view.metadata.get("client_id_metadata_document_supported")
    flag = f"client_id_metadata_document_supported is {announced!r} in its metadata"
    looked = "looked our host up and did not connect" if case.seen else "asked nobody"
    guard = (
        "On loopback a server that refuses to fetch from 127.0.0.1 is right: use the "
        "lab (`cimd-conformance doctor` without a target says what it needs). "
        if not case.lab
        else ""
    )
    return Diagnosis(
        "fetch",
        "document-not-fetched",
        f"The target refused the client_id and {looked}: the client metadata document "
        f"was never fetched ({flag}).{quoted(_redirected(case) or case.said)}",
        f"{guard}Switch client metadata documents on (`server.env`, `server.start`), "
        "and let it fetch from any public host.",
        ("server.env", "server.start"),
    )


def _wrong_place(case: AsCase) -> Diagnosis | None:
    last = case.last
    if status_of(last) not in (404, 405, 421) and status_of(last) < 500:
        return None
    broken = status_of(last) >= 500
    said = printed(case.output) if broken else ""
    return Diagnosis(
        "control",
        "target-error" if broken else "endpoint-wrong",
        f"{_path(last)} answered HTTP {status_of(last)}.{quoted(case.said)}{said}",
        "Look into the target's log."
        if broken
        else "The target names this endpoint in its metadata and does not serve it: "
        "check its public URL in `server.env`.",
        ("server.env",),
    )


def refused(case: AsCase) -> Diagnosis:
    """Return what is known when nothing fits: what was asked, and what came back."""
    last = case.last
    status = f"HTTP {status_of(last)}" if status_of(last) else "no answer"
    at = (
        f"{_path(last)} answered {status}"
        if last is not None
        else "No request went out"
    )
    said = quoted(_redirected(case) or case.said)
    return Diagnosis(
        "control",
        "refused",
        f"{at}: {case.result.redact(case.end.detail)}.{said}{printed(case.output)}",
        "If the target demands something of the document, add it to `client_document`; "
        "if it deviates in a way that has a name, declare an `accommodation` "
        "(docs/target.md lists them); else its log says what it misses.",
        ("client_document", "accommodation", "server.env"),
    )


def _redirected(case: AsCase) -> str:
    """Return the error that came back to the redirect URI, in words."""
    answer = case.result.messages.get(Message.AUTHORIZATION_RESPONSE)
    if not isinstance(answer, dict) or "error" not in answer:
        return ""
    parts = [answer["error"], answer.get("error_description", "")]
    return case.result.redact(": ".join(str(part) for part in parts if part))[:240]


def _path(exchange: Exchange | None) -> str:
    """Return method and path of a request, without its query."""
    if exchange is None:
        return "the target"
    method, _, url = exchange.request.start.partition(" ")
    return f"{method} {split_url(url).path or '/'}"


_RULES = (
    *(_elsewhere, scope, resource, document_member, _login, _consent_loop, _denied),
    *(_page_without_form, _wrong_place, _not_fetched),
)
