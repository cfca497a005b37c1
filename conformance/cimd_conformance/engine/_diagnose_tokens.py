"""Causes behind the authorization endpoint: the token endpoint, and the tokens."""

from __future__ import annotations

import re
import time
from typing import Any

from cimd_conformance.engine._diagnose_authorize import (
    AsCase,
    resource,
    scope,
)
from cimd_conformance.engine._diagnose_document import document_member
from cimd_conformance.engine._diagnosis import (
    Diagnosis,
    first_of,
    listed,
    printed,
    quoted,
    status_of,
)
from cimd_conformance.flows import FlowResult
from cimd_conformance.model import Message, Outcome, Verb
from cimd_testbed.core import split_url
from cimd_testbed.parties import read_jwt

_ASSERTION = (
    ("assertion-audience", r"\baud(?:ience)?\b", ' and `value = "{token_endpoint}"`'),
    ("assertion-type", r"\btyp\b", " and the `value` that it names"),
    (
        "jwks-uri-only",
        r"jwks_uri.{0,40}(?:required|missing|must)|inline jwks|\bjwks\b",
        "",
    ),
)


def redeem(case: AsCase) -> Diagnosis | None:
    """Return why the code was not exchanged."""
    return first_of(
        (scope, resource, _clock, _assertion, _client, document_member), case
    )


def _assertion(case: AsCase) -> Diagnosis | None:
    """Return that the client assertion was not accepted, and what may be the matter."""
    sent = "client_assertion=" in _body(case)
    if not sent or case.end.outcome is not Outcome.REFUSED_AT_TOKEN:
        return None
    told = f"The target refused the client assertion.{quoted(case.said)}"
    told += printed(case.output, r"assertion|jwt|\baud")
    for what, pattern, more in _ASSERTION:
        if what in case.view.accommodations:
            continue
        if re.search(pattern, case.words, re.IGNORECASE):
            return Diagnosis(
                "control",
                what,
                told,
                f'Declare the accommodation: `[[accommodation]]` with `what = "{what}"`'
                f"{more}, and `because`. It unblocks the run and is itself a check.",
                ("accommodation",),
            )
    untried = [
        what for what, _, _ in _ASSERTION if what not in case.view.accommodations
    ]
    return Diagnosis(
        "control",
        "assertion-refused",
        f"{told} Its audience was {_audience(case)}.",
        f"Try the accommodations {listed(untried)} one after the other; the usual one "
        'is `what = "assertion-audience"`, `value = "{token_endpoint}"`.',
        ("accommodation",),
    )


def _audience(case: AsCase) -> str:
    return case.view.accommodations.get("assertion-audience", case.view.issuer)


def _client(case: AsCase) -> Diagnosis | None:
    """Return that a client without a secret is not accepted."""
    refused_client = "invalid_client" in case.words or status_of(case.last) == 401
    if not refused_client or "client_assertion=" in _body(case):
        return None
    methods = case.view.metadata.get("token_endpoint_auth_methods_supported")
    known = listed(methods) if isinstance(methods, list) else "nothing"
    return Diagnosis(
        "control",
        "public-client-refused",
        "The target refused a client that has no key at the token endpoint."
        f"{quoted(case.said)} It announces the methods: {known}.",
        "A document with token_endpoint_auth_method `none` has to work for the "
        "scenarios of public clients: switch such clients on (`server.env`), or list "
        "the scenarios in `disable`.",
        ("server.env", "disable"),
    )


def _clock(case: AsCase) -> Diagnosis | None:
    pattern = (
        r"\b(?:iat|nbf|exp)\b.{0,40}(?:future|past|expired|yet)|clock|not yet valid"
    )
    if not re.search(pattern, case.words, re.IGNORECASE):
        return None
    return Diagnosis(
        "clock",
        "clock-skew",
        f"The target objects to a moment in what we signed.{quoted(case.said)} Ours is "
        f"{time.strftime('%H:%M:%S', time.gmtime())} UTC.",
        "Let the target use the system's clock: no faked time in `server.start` or "
        "`server.env`.",
        ("server.env", "server.start"),
    )


def refresh(case: AsCase) -> Diagnosis | None:
    """Return why there was no refreshing."""
    if "no refresh token was issued" in case.end.detail:
        known = case.view.metadata.get("scopes_supported")
        offline = isinstance(known, list) and "offline_access" in known
        asked = case.view.scope
        add = f'"{asked} offline_access"'.replace('" ', '"')
        return Diagnosis(
            "control",
            "no-refresh-token",
            "The target announces the grant refresh_token and issued none, with the "
            f"scope {asked!r}.",
            f"Ask for it with `resource.scope = {add}`."
            if offline and "offline_access" not in asked
            else "If it takes a scope (often offline_access), add it to "
            "`resource.scope`; if it issues none by design, list the scenarios in "
            "`disable`.",
            ("resource.scope", "disable"),
        )
    return redeem(case)


def introspect(case: AsCase) -> Diagnosis | None:
    """Return why introspection or revocation was refused."""
    status = status_of(case.last)
    if status not in (400, 401, 403):
        return None
    return Diagnosis(
        "control",
        "credentials-refused",
        f"{case.end.verb.value} was refused with HTTP {status}.{quoted(case.said)}",
        "Give the credentials of a resource server that the target knows: "
        "`resource.client_id` and `resource.client_secret`.",
        ("resource.client_id", "resource.client_secret"),
    )


# --- the token at work --------------------------------------------------------------


def not_announced(case: AsCase) -> Diagnosis | None:
    """Return that there is no endpoint by which a token could be shown to work."""
    wanted = {
        "jwks": "jwks_uri",
        "introspection": "introspection_endpoint",
        "userinfo": "userinfo_endpoint",
    }
    name = wanted.get(case.view.shown_by)
    if case.end.verb is not Verb.USE or name is None or case.view.endpoint(name):
        return None
    return _other_way(
        case,
        f"`resource.shown_by` is {case.view.shown_by}, and the target announces no "
        f"{name}.",
    )


def use(case: AsCase) -> Diagnosis | None:
    """Return why a token that was issued is not seen to work."""
    match case.view.shown_by:
        case "jwks":
            return _by_jwks(case)
        case "introspection":
            return _by_introspection(case)
        case "userinfo":
            return _by_userinfo(case)
        case _:
            return _by_call(case)


def _by_jwks(case: AsCase) -> Diagnosis | None:
    detail, claims, header = case.end.detail, *_token(case)
    if "names another issuer" in detail:
        return wrong_issuer(case.view.issuer, str(claims.get("iss")), "its tokens")
    if "not for the resource" in detail:
        return Diagnosis(
            "control",
            "token-audience",
            f"The access token is for {claims.get('aud')!r}, and the file says that "
            f"the resource is {case.view.resource}.",
            "Write what the target puts into `aud` into `resource.uri`, or tell the "
            "target which resource it protects.",
            ("resource.uri",),
        )
    if "expired" in detail:
        return Diagnosis(
            "clock",
            "clock-skew",
            "A fresh access token has expired by our clock.",
            "Let the target use the system's clock, and give its tokens a life of a "
            "minute at least (`server.env`).",
            ("server.env",),
        )
    what = f"a JWT with alg {header.get('alg')}" if header else "opaque, no JWT"
    keys = case.view.endpoint("jwks_uri")
    return _other_way(
        case,
        f"`resource.shown_by` is jwks, and the access token is {what} that our side "
        f"cannot verify with {keys}.",
    )


def _other_way(case: AsCase, cause: str) -> Diagnosis:
    """Return that a token has to be shown to work in another way."""
    ways = []
    if case.view.endpoint("introspection_endpoint") and case.view.shown_by == "jwks":
        ways.append(
            '`resource.shown_by = "introspection"` with `resource.client_id` and '
            "`resource.client_secret`"
        )
    if case.view.endpoint("userinfo_endpoint") and case.view.shown_by != "userinfo":
        ways.append('`resource.shown_by = "userinfo"`, with openid in `resource.scope`')
    if case.view.shown_by != "call":
        ways.append(
            '`resource.shown_by = "call"`, where an MCP server that takes the token is '
            f"at `resource.uri` ({case.view.resource})"
        )
    return Diagnosis(
        "control",
        "shown-by",
        cause,
        f"Say how one sees that a token works: {', or '.join(ways)}.",
        ("resource.shown_by",),
    )


def _by_userinfo(case: AsCase) -> Diagnosis | None:
    openid = "openid" in case.view.scope.split()
    why = "" if openid else " The scope that is asked for has no openid."
    return Diagnosis(
        "control",
        "token-not-accepted",
        f"{case.end.detail[:1].upper()}{case.end.detail[1:]} to a fresh token."
        f"{why}{quoted(case.said)}",
        "The userinfo endpoint takes tokens with the scope openid, for no other "
        "resource: check `resource.scope`, or whether the accommodation "
        "`no-resource` is needed.",
        ("resource.scope", "accommodation"),
    )


def _by_introspection(case: AsCase) -> Diagnosis | None:
    return introspect(case) or Diagnosis(
        "control",
        "token-inactive",
        "The target's introspection says that its own fresh token is not active."
        + quoted(case.said),
        "The credentials are those of a resource server that this token is not for: "
        "check `resource.client_id` and `resource.uri`.",
        ("resource.client_id", "resource.uri"),
    )


def _by_call(case: AsCase) -> Diagnosis | None:
    found = re.search(r"HTTP (\d+)", case.end.detail)
    status = int(found[1]) if found else 0
    told = quoted(case.said)
    at = f"The resource {case.view.resource} answered HTTP {status}"
    if status in (404, 405):
        return Diagnosis(
            "control",
            "resource-wrong",
            f"{at}: there is no MCP endpoint.{told}",
            "Write the URL of the MCP endpoint into `resource.uri`; if the target has "
            'none, take another `resource.shown_by` ("jwks" or "introspection").',
            ("resource.uri", "resource.shown_by"),
        )
    if status not in (401, 403):
        return None
    lacking = _unknown_scope(case, at) or (scope(case) if status == 403 else None)
    return lacking or Diagnosis(
        "control",
        "token-not-accepted",
        f"{at} to a fresh token: it does not take what the target issues.{told}",
        "The token may be for another audience: check `resource.uri` and what the "
        "resource server believes to be its URL; if the resource is not there to take "
        'tokens, set `resource.shown_by` to "jwks" or "introspection".',
        ("resource.uri", "resource.shown_by", "resource.scope"),
    )


def _unknown_scope(case: AsCase, at: str) -> Diagnosis | None:
    """Return that the scope of the token is none that the target announces."""
    known = case.view.metadata.get("scopes_supported")
    if not isinstance(known, list) or not known:
        return None
    unknown = [one for one in case.view.scope.split() if one not in known]
    if case.view.scope and not unknown:
        return None
    return Diagnosis(
        "control",
        "scope-not-granted",
        f"{at} to a token for the scope {case.view.scope!r}; the target announces the "
        f"scopes {listed(known)}.{quoted(case.said)}",
        f'Write a scope that the resource wants: `resource.scope = "{known[0]}"`.',
        ("resource.scope",),
    )


def _token(case: AsCase) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return claims and header of the token that was issued, {} for an opaque one."""
    response = case.result.messages.get(Message.TOKEN_RESPONSE)
    token = response.get("access_token") if isinstance(response, dict) else None
    try:
        header, claims = read_jwt(str(token))
    except ValueError:
        return {}, {}
    return claims, header


def granted_less(result: FlowResult, asked: str) -> Diagnosis | None:
    """Return that a token has not all of the scope that was asked for.

    A response names the scope where it is another one (RFC 6749 section 5.1).
    """
    response = result.messages.get(Message.TOKEN_RESPONSE)
    text = response.get("scope") if isinstance(response, dict) else None
    lacking = [
        one
        for one in asked.split()
        if isinstance(text, str) and one not in text.split()
    ]
    if not lacking:
        return None
    return Diagnosis(
        "control",
        "scope-not-granted",
        f"The scope {asked!r} was asked for, and the token has {text!r}: "
        f"{listed(lacking)} was not granted.",
        "Write a scope that the target grants to any client into `resource.scope`"
        + (f', for instance "{text}".' if text else ", or leave the field out."),
        ("resource.scope",),
    )


def wrong_issuer(expected: str, found: str, where: str) -> Diagnosis:
    """Return that the target calls itself something else."""
    slash = found.rstrip("/") == expected.rstrip("/")
    origin = split_url(expected).origin
    template = f"{{origin}}{found.removeprefix(origin)}"
    written = template if found.startswith(origin) else found
    hint = " They differ in the slash at the end." if slash else ""
    return Diagnosis(
        "metadata",
        "wrong-issuer",
        f"The file calls the issuer {expected!r}, and {where} call it {found!r}; the "
        f"two are compared byte for byte (RFC 8414 section 3.3).{hint}",
        f'Write `server.issuer = "{written}"`, as the target announces it, or tell '
        'the target that its public URL is "{origin}" (`server.env`).',
        ("server.issuer", "server.env"),
    )


def _body(case: AsCase) -> str:
    return case.last.request.body if case.last is not None else ""
