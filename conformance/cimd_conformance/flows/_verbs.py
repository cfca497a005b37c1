"""The verbs of an authorization server's flows.

Each sends one message and judges nothing but where it ended.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

from cimd_conformance.flows._edit import Params, edit_params, edit_tree, whole
from cimd_conformance.flows._flow import FlowState, StepEnd, VerbFunction
from cimd_conformance.flows._identity import Identity
from cimd_conformance.flows._use import use_token
from cimd_conformance.model import HarnessError, Message, Outcome, Step, Verb
from cimd_testbed.core import split_url
from cimd_testbed.net import Headers, Response, parse_params
from cimd_testbed.parties import Browser, Landing, Submission, sign_jwt

_FORM: Headers = (
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Accept", "application/json"),
)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _end(step: Step, outcome: Outcome, detail: str) -> StepEnd:
    return StepEnd(step.do, step.name, outcome, detail)


def describe(response: Response) -> str:
    """Say in one line what a response was."""
    try:
        value = json.loads(response.body)
    except ValueError:
        kind = response.header("content-type") or "no content type"
        return f"HTTP {response.status} ({kind})"
    error = value.get("error") if isinstance(value, dict) else None
    return f"HTTP {response.status}" + (f" {error}" if error else "")


def _limited(response: Response) -> bool:
    return response.status == 429 or b'"slow_down"' in response.body


# --- authorization endpoint ---------------------------------------------------------


def _authorization_params(state: FlowState, identity: Identity) -> Params:
    rng = state.world.random(f"{state.label}/{len(state.numbers)}")
    state.verifier = base64.urlsafe_b64encode(rng.randbytes(32)).rstrip(b"=").decode()
    state.redactor.secret("code-verifier", state.verifier)
    digest = hashlib.sha256(state.verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    variables = identity.variables
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
    skip = {left_out.get(name) for name in state.world.target.accommodations}
    return [(name, value) for name, value in params if value and name not in skip]


def _browser(state: FlowState, changed: bool) -> Browser:
    world = state.world

    def on_exchange(
        message: str,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        response: Response | None,
    ) -> None:
        state.record(
            message,
            method,
            url,
            headers,
            body,
            response,
            sender="browser",
            changed=changed and message == "authorization_request",
        )

    def learn(kind: str, value: str) -> None:
        state.redactor.secret(kind, value)

    return Browser(
        world.http(state.label),
        world.target.users[0],
        world.target.own_origins,
        on_exchange,
        lambda form: _edit_consent(state, form),
        learn,
    )


def _edit_consent(state: FlowState, form: Submission) -> Submission:
    changes = state.changes(Message.CONSENT_REQUEST)
    if not changes:
        return form
    state.sent.add(Message.CONSENT_REQUEST)
    body = urlencode(edit_params(parse_params(form.body), changes))
    return Submission(form.method, form.url, body, form.is_login, form.hidden)


async def authorize(state: FlowState, step: Step) -> StepEnd:
    """Send the browser to the authorization endpoint and see where it lands."""
    identity = state.identities[step.as_]
    changes = (
        state.changes(Message.AUTHORIZATION_REQUEST) if step.as_ == "client" else []
    )
    params = edit_params(_authorization_params(state, identity), changes)
    replaced = whole(changes)
    query = replaced.decode() if replaced is not None else urlencode(params)
    if changes:
        state.sent.add(Message.AUTHORIZATION_REQUEST)
    state.messages[Message.AUTHORIZATION_REQUEST] = dict(params)
    endpoint = state.world.target.endpoint("authorization_endpoint")
    mark = "&" if "?" in endpoint else "?"
    browser = _browser(state, bool(changes))
    try:
        landing = await browser.visit(f"{endpoint}{mark}{query}")
    finally:
        await browser.client.close()
    return _landed(state, step, landing, dict(params).get("redirect_uri"))


def _landed(
    state: FlowState, step: Step, landing: Landing, requested: str | None
) -> StepEnd:
    if landing.consent is not None:
        state.messages[Message.CONSENT_PAGE] = _page(landing.consent)
    if landing.location is None:
        return _kept(step, landing)
    shown = state.redactor.text(landing.location)
    _note_navigation(state, landing.location, shown)
    expected = requested or state.client.variables["redirect_uri"]
    parts = split_url(landing.location)
    answer = dict(parse_params(parts.query or "") + parse_params(parts.fragment or ""))
    state.messages[Message.AUTHORIZATION_RESPONSE] = answer
    if not _goes_to(landing.location, expected):
        return _end(step, Outcome.REDIRECTED_ELSEWHERE, f"browser sent to {shown}")
    if "code" in answer:
        state.code, state.redirect_uri = answer["code"], expected
        state.redactor.secret("code", state.code)
        return _end(step, Outcome.COMPLETED, "a code reached the redirect URI")
    error = answer.get("error", "no error code")
    return _end(step, Outcome.REFUSED_WITH_REDIRECT, f"error redirect: {error}")


def _kept(step: Step, landing: Landing) -> StepEnd:
    page = landing.page
    if page is None:
        return _end(step, Outcome.NO_ANSWER, "login and consent never ended")
    if _limited(page):
        return _end(step, Outcome.RATE_LIMITED, describe(page))
    return _end(step, Outcome.REFUSED_WITHOUT_REDIRECT, f"page: {describe(page)}")


def _goes_to(location: str, redirect_uri: str) -> bool:
    """Whether a location is the redirect URI, by string, plus response parameters."""
    if not location.startswith(redirect_uri):
        return False
    rest = location[len(redirect_uri) :]
    return rest == "" or rest[0] in "?#&"


def _note_navigation(state: FlowState, location: str, shown: str) -> None:
    authority = (split_url(location).authority or "").rpartition("@")[2]
    place = state.world.evidence.place_of(state.label, authority)
    if place is not None:
        number = state.numbers[-1] if state.numbers else 0
        state.world.evidence.navigated(state.label, place, number, shown)


def _page(page: Response) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in page.headers}
    policy = headers.get("content-security-policy", "")
    found = re.search(r"frame-ancestors([^;]*)", policy)
    option = headers.get("x-frame-options", "").strip().lower()
    by_policy = found is not None and found[1].split() in (["'none'"], ["'self'"])
    framable = not by_policy and option not in ("deny", "sameorigin")
    return {
        "status": page.status,
        "headers": headers,
        "text": page.text,
        "framing": "allowed" if framable else "forbidden",
    }


# --- token endpoint and its neighbours ----------------------------------------------


def _assertion(state: FlowState, identity: Identity) -> str:
    world = state.world
    accommodations = world.target.accommodations
    now = int(world.now())
    serial = world.serial()
    tree: dict[str, Any] = {
        "header": {
            "alg": identity.keys[-1].alg,
            "kid": identity.keys[-1].kid,
            "typ": "client-authentication+jwt",
        },
        "claims": {
            "iss": identity.variables["client_id"],
            "sub": identity.variables["client_id"],
            "aud": accommodations.get("assertion-audience", world.target.issuer),
            "jti": f"jti-{world.seed}-{serial}",
            "iat": now,
            "exp": now + 60,
        },
        "key": "client",
    }
    if "assertion-without-type" in accommodations:
        del tree["header"]["typ"]
    changes = (
        state.changes(Message.CLIENT_ASSERTION) if identity is state.client else []
    )
    tree = edit_tree(tree, changes)
    if changes:
        state.sent.add(Message.CLIENT_ASSERTION)
    replaced = whole(changes)
    if replaced is not None:
        return replaced.decode()
    key = _signing_key(state, identity, str(tree["key"]))
    token = sign_jwt(tree["header"], tree["claims"], key)
    if "signature" in tree:
        token = f"{token.rpartition('.')[0]}.{tree['signature']}"
    return token


def _signing_key(state: FlowState, identity: Identity, which: str) -> Any:
    match which:
        case "client":
            return identity.keys[-1]
        case "retired":
            return identity.retired[-1]
        case "other":
            return state.identities["other"].keys[-1]
        case "unpublished":
            identity.rotate(keep=True)
            return identity.keys.pop()
        case _:
            raise HarnessError("key", f"There is no key {which!r} to sign with.")


def _authentication(state: FlowState, identity: Identity) -> Params:
    params = [("client_id", identity.variables["client_id"])]
    if identity.authenticates:
        params += [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", _assertion(state, identity)),
        ]
    return params


async def _post(
    state: FlowState, message: Message, endpoint: str, params: Params, step: Step
) -> Response:
    url = state.world.target.endpoint(endpoint)
    changes = state.changes(message) if step.as_ == "client" else []
    params = edit_params(params, changes)
    replaced = whole(changes)
    body = replaced if replaced is not None else urlencode(params).encode()
    if changes:
        state.sent.add(message)
    for name in ("code", "code_verifier", "refresh_token", "token"):
        value = dict(params).get(name)
        if value and not value.startswith("eyJ"):
            state.redactor.secret(name.replace("_", "-"), value)
    headers = _FORM + _basic(state, step)
    response: Response | None = None
    try:
        response = await state.http.request("POST", url, headers, body)
    finally:
        changed = bool(changes) or (
            Message.CLIENT_ASSERTION in state.sent and b"client_assertion" in body
        )
        state.record(
            message.value, "POST", url, headers, body, response, changed=changed
        )
    return response


def _basic(state: FlowState, step: Step) -> Headers:
    """Return the resource server's credentials where they are asked for."""
    user, password = state.world.target.introspection
    if step.do is not Verb.INTROSPECT or not user or step.with_.get("anonymous"):
        return ()
    pair = f"{quote(user, safe='')}:{quote(password, safe='')}".encode()
    return (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)


def _tokens(
    state: FlowState, step: Step, message: Message, response: Response, refused: Outcome
) -> StepEnd:
    """Read a token response; only a 200 with an access token counts as issued."""
    if _limited(response):
        return _end(step, Outcome.RATE_LIMITED, describe(response))
    try:
        value = json.loads(response.body)
    except ValueError:
        value = None
    token = value.get("access_token") if isinstance(value, dict) else None
    if response.status != 200 or not isinstance(token, str) or not token:
        state.messages[message] = value if isinstance(value, dict) else {}
        return _end(step, refused, describe(response))
    state.messages[message] = value
    state.access_token = token
    state.refresh_token = str(value.get("refresh_token") or state.refresh_token)
    for kind, secret in (
        ("access-token", state.access_token),
        ("refresh-token", state.refresh_token),
    ):
        if secret and not secret.startswith("eyJ"):
            state.redactor.secret(kind, secret)
    return _end(step, Outcome.COMPLETED, "tokens issued")


def _code_params(state: FlowState, identity: Identity) -> Params:
    params = [
        ("grant_type", "authorization_code"),
        ("code", state.code),
        ("redirect_uri", state.redirect_uri),
        ("code_verifier", state.verifier),
        *_authentication(state, identity),
    ]
    if "no-resource" not in state.world.target.accommodations:
        params.append(("resource", identity.variables["resource"]))
    return params


async def redeem(state: FlowState, step: Step) -> StepEnd:
    """Exchange the code."""
    params = _code_params(state, state.identities[step.as_])
    response = await _post(state, Message.TOKEN_REQUEST, "token_endpoint", params, step)
    return _tokens(
        state, step, Message.TOKEN_RESPONSE, response, Outcome.REFUSED_AT_TOKEN
    )


async def refresh(state: FlowState, step: Step) -> StepEnd:
    """Exchange the refresh token; `with = {previous = true}` sends the used one."""
    token = state.refresh_token
    if step.with_.get("previous"):
        token = state.messages.get(Message.REFRESH_REQUEST, token)
    if not token:
        return _end(step, Outcome.REFUSED_AT_REFRESH, "no refresh token was issued")
    state.messages[Message.REFRESH_REQUEST] = token
    params = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        *_authentication(state, state.identities[step.as_]),
    ]
    response = await _post(
        state, Message.REFRESH_REQUEST, "token_endpoint", params, step
    )
    return _tokens(
        state, step, Message.REFRESH_RESPONSE, response, Outcome.REFUSED_AT_REFRESH
    )


async def revoke(state: FlowState, step: Step) -> StepEnd:
    """Revoke a token (RFC 7009)."""
    access = step.with_.get("token") == "access"
    params = [
        ("token", state.access_token if access else state.refresh_token),
        ("token_type_hint", "access_token" if access else "refresh_token"),
        *_authentication(state, state.identities[step.as_]),
    ]
    message = Message.REVOCATION_REQUEST
    response = await _post(state, message, "revocation_endpoint", params, step)
    if response.status == 200:
        return _end(step, Outcome.COMPLETED, describe(response))
    return _end(step, Outcome.REFUSED_AT_REVOCATION, describe(response))


async def introspect(state: FlowState, step: Step) -> StepEnd:
    """Ask about the access token (RFC 7662); inactive counts as a refusal."""
    message = Message.INTROSPECTION_REQUEST
    params = [("token", state.access_token)]
    response = await _post(state, message, "introspection_endpoint", params, step)
    try:
        value = json.loads(response.body)
    except ValueError:
        value = {}
    state.messages[Message.INTROSPECTION_RESPONSE] = value
    active = response.status == 200 and isinstance(value, dict) and value.get("active")
    if active is True:
        return _end(step, Outcome.COMPLETED, "active")
    return _end(step, Outcome.REFUSED_AT_INTROSPECTION, describe(response))


async def use(state: FlowState, step: Step) -> StepEnd:
    """Show that the access token works."""
    refused = await use_token(state)
    if refused is None:
        return _end(step, Outcome.COMPLETED, "the access token works")
    return _end(step, Outcome.REFUSED_AT_RESOURCE, refused)


# --- time, keys, races --------------------------------------------------------------


async def metadata(state: FlowState, step: Step) -> StepEnd:
    """Put the metadata where expectations can look at it."""
    state.messages[Message.AS_METADATA] = state.world.target.metadata
    return _end(step, Outcome.COMPLETED, "metadata read")


async def rotate(state: FlowState, step: Step) -> StepEnd:
    """Publish a new key."""
    state.identities[step.as_].rotate(keep=bool(step.with_.get("keep")))
    return _end(step, Outcome.COMPLETED, "a new key is published")


async def publish(state: FlowState, step: Step) -> StepEnd:
    """Let the changes of this step come into force."""
    del state
    return _end(step, Outcome.COMPLETED, "published")


async def advance(state: FlowState, step: Step) -> StepEnd:
    """Let time pass on the target's clock."""
    if state.world.advance is None:
        raise HarnessError("clock", "This network cannot move the target's clock.")
    state.world.advance(float(step.with_.get("seconds", 0)))
    return _end(step, Outcome.COMPLETED, "time passed")


async def race(state: FlowState, step: Step) -> StepEnd:
    """Do the same thing several times at once; count how often it succeeded."""
    count = min(int(step.with_.get("count", 8)), 32)
    if step.with_.get("do", "redeem") != "redeem":
        raise HarnessError("race", "Only redeem can be raced.")
    identity = state.identities[step.as_]
    client = state.world.http(state.label)
    url = state.world.target.endpoint("token_endpoint")
    try:
        bodies = [
            urlencode(_code_params(state, identity)).encode() for _ in range(count)
        ]
        await asyncio.gather(  # open the connections first, so that the race is one
            *(client.request("GET", url) for _ in range(count)), return_exceptions=True
        )
        answers = await asyncio.gather(
            *(client.request("POST", url, _FORM, body) for body in bodies),
            return_exceptions=True,
        )
    finally:
        await client.close()
    responses = [answer for answer in answers if isinstance(answer, Response)]
    for body, response in zip(bodies, responses, strict=False):
        state.record("token_request", "POST", url, _FORM, body, response)
    issued = [r for r in responses if r.status == 200 and b"access_token" in r.body]
    detail = f"{len(issued)} of {count} simultaneous requests got tokens"
    if not issued:
        return _end(step, Outcome.REFUSED_AT_TOKEN, detail)
    many = len(issued) > 1
    return _end(
        step, Outcome.ISSUED_MORE_THAN_ONCE if many else Outcome.COMPLETED, detail
    )


VERBS: dict[Verb, VerbFunction] = {
    Verb.METADATA: metadata,
    Verb.AUTHORIZE: authorize,
    Verb.REDEEM: redeem,
    Verb.USE: use,
    Verb.REFRESH: refresh,
    Verb.REVOKE: revoke,
    Verb.INTROSPECT: introspect,
    Verb.ROTATE: rotate,
    Verb.PUBLISH: publish,
    Verb.ADVANCE: advance,
    Verb.RACE: race,
}
