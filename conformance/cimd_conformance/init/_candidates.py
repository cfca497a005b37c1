"""What may be different about an authorization server whose control fails. Pure.

Each candidate is the file with one thing changed, those first that the server's own
words ask for. Whether one is right, the flow shows.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from cimd_conformance.init._describe import offered, scopes_of
from cimd_conformance.init._draft import Candidate, Facts, Trial, changed
from cimd_conformance.model import Remark
from cimd_conformance.target import Accommodation, TargetFile

_MEMBERS: dict[str, tuple[Any, ...]] = {
    "application_type": ("web", "native"),
    "response_types": (["code"],),
    "grant_types": (["authorization_code"],),
    "contacts": (["security@example.com"],),
    "software_id": ("cimd-conformance",),
    "software_version": ("1",),
    "subject_type": ("public",),
    "id_token_signed_response_alg": ("RS256", "ES256"),
    "dpop_bound_access_tokens": (False,),
    "require_pushed_authorization_requests": (False,),
    "default_max_age": (3600,),
    "@context": (["https://www.w3.org/ns/solid/oidc-context.jsonld"],),
}
"""Members of client documents that some servers want, with values that are harmless."""

_ABOUT_DOCUMENTS = re.compile(r"client|document|metadata|registration", re.IGNORECASE)

_PAGES = ("tos_uri", "policy_uri", "logo_uri")
"""Members that are URLs: a target may go there, so they are for the lab alone."""

_ASSERTIONS = (
    ("assertion-audience", "{token_endpoint}", "pkjwt-aud-issuer-sole"),
    ("assertion-without-type", "", None),
    ("assertion-type", "JWT", None),
    ("jwks-uri-only", "", None),
)
"""Accommodations of client authentication: what, value, the rule that is not met."""


def candidates(
    file: TargetFile, trial: Trial, facts: Facts, *, lab: bool
) -> Iterator[Candidate]:
    """Yield what to try, after a trial that did not complete."""
    match trial.step:
        case "start" | "metadata":
            return
        case "refresh" if "no refresh token" in trial.detail:
            yield from _offline(file, facts)
        case "authorize" if "never ended" in trial.detail:
            return  # the person did not get through, whatever the request says
        case "use":
            yield from _shown(file, trial, facts)
        case "authorize" if not lab and not trial.fetched("/client.json"):
            return  # what it never asked for cannot be wrong
        case "authorize":
            yield from _asked_for(file, trial, facts, lab=lab)
            yield from _others(file, trial, facts, lab=lab)
        case _ if trial.shape.value("auth") == "private_key_jwt":
            yield from _assertions(file, trial)
        case _:
            yield from _asked_for(file, trial, facts, lab=lab)
            yield from _others(file, trial, facts, lab=lab)


def _asked_for(
    file: TargetFile, trial: Trial, facts: Facts, *, lab: bool
) -> Iterator[Candidate]:
    """Yield what the server's own words are about."""
    said = f"{trial.detail} {trial.said}"
    for one in _members(file, lab=lab):
        if re.search(rf"(?<![\w]){re.escape(one.label.split(' ')[0])}(?!\w)", said):
            yield _marked(one)
    if re.search(r"scope", said, re.IGNORECASE):
        yield from map(_marked, _scopes(file, facts))
    if re.search(r"resource|invalid_target|audience", said, re.IGNORECASE):
        yield from map(_marked, _resources(file, facts))


def _marked(candidate: Candidate) -> Candidate:
    return replace(candidate, asked_for=True)


def _others(
    file: TargetFile, trial: Trial, facts: Facts, *, lab: bool
) -> Iterator[Candidate]:
    """Yield the known deviations, whatever the server says."""
    if lab and not file.server.forwarded:
        text = "Without the headers of a front the flow does not work."
        yield _server(file, forwarded=True, text=text)
    yield from _resources(file, facts)
    yield from _scopes(file, facts)
    if _ABOUT_DOCUMENTS.search(f"{trial.detail} {trial.said}"):
        yield from _members(file, lab=lab)


def _server(file: TargetFile, text: str, **values: Any) -> Candidate:
    name, value = next(iter(values.items()))
    label = f"server.{name} = {json.dumps(value)}"
    remark = Remark(f"server.{name}", text)
    return Candidate(changed(file, "server", **values), label, (remark,))


# --- the document -------------------------------------------------------------------


def _members(file: TargetFile, *, lab: bool) -> Iterator[Candidate]:
    known: dict[str, tuple[Any, ...]] = dict(_MEMBERS)
    if lab:
        pages = {name: (f"https://www.cimd-hosts.net/{name}",) for name in _PAGES}
        known |= pages
    if file.resource.scope:
        known["scope"] = (file.resource.scope,)
    for name, values in known.items():
        for value in values:
            document = {**file.client_document, name: value}
            if document == file.client_document:
                continue
            yield Candidate(
                msgspec.structs.replace(file, client_document=document),
                f"{name} = {json.dumps(value)}",
                (Remark(f"client_document.{name}", "It wants documents to say this."),),
            )


# --- scope and resource -------------------------------------------------------------


def _scopes(file: TargetFile, facts: Facts) -> Iterator[Candidate]:
    for scope in [*scopes_of(facts), ""]:
        if scope != file.resource.scope:
            remark = Remark("resource.scope", "With this scope the flow works.")
            new = changed(file, "resource", scope=scope)
            yield Candidate(new, f"scope = {json.dumps(scope)}", (remark,))


def _resources(file: TargetFile, facts: Facts) -> Iterator[Candidate]:
    endpoint = "{origin}" + facts.endpoint if facts.endpoint else ""
    places = [endpoint, "{origin}/mcp", "{origin}", "{origin}/"]
    places.append(facts.template(facts.metadata.get("issuer")))
    for uri in dict.fromkeys(place for place in places if place):
        if uri != file.resource.uri and uri.startswith("{origin}"):
            yield _resource(file, uri, "It issues tokens for this resource.")
    text = "It does not take the resource parameter (RFC 8707)."
    yield from _accommodations(file, [("no-resource", "", None)], text)


def _resource(file: TargetFile, uri: str, text: str) -> Candidate:
    new = changed(file, "resource", uri=uri)
    return Candidate(new, f'resource.uri = "{uri}"', (Remark("resource.uri", text),))


# --- how a token is shown to work ---------------------------------------------------


def _shown(file: TargetFile, trial: Trial, facts: Facts) -> Iterator[Candidate]:
    named = trial.token.get("aud")
    for audience in named if isinstance(named, list) else [named]:
        uri = facts.template(audience)
        if uri and uri != file.resource.uri:
            yield _resource(file, uri, "Its access tokens are for this audience.")
    if facts.metadata.get("userinfo_endpoint") and "openid" in offered(facts):
        yield from _userinfo(file)
    ways = ["jwks", "call"] if trial.token else ["call", "jwks"]
    if file.resource.client_id:
        ways.append("introspection")
    for way in ways:
        if way != file.resource.shown_by:
            new = changed(file, "resource", shown_by=way)
            remark = Remark("resource.shown_by", "So a token was shown to work.")
            yield Candidate(new, f'shown_by = "{way}"', (remark,))
    yield from _resources(file, facts)
    yield from _scopes(file, facts)


def _offline(file: TargetFile, facts: Facts) -> Iterator[Candidate]:
    """Yield the scope for which OpenID providers issue refresh tokens."""
    scopes = file.resource.scope.split()
    if "offline_access" in offered(facts) and "offline_access" not in scopes:
        scope = " ".join([*scopes, "offline_access"])
        remark = Remark("resource.scope", "With offline_access it refreshes.")
        new = changed(file, "resource", scope=scope)
        yield Candidate(new, f'scope = "{scope}"', (remark,))


def _userinfo(file: TargetFile) -> Iterator[Candidate]:
    """Yield that a token shows who the person is, with the scope that this takes."""
    if file.resource.shown_by == "userinfo":
        return
    scopes = file.resource.scope.split()
    scope = " ".join(["openid", *(one for one in scopes if one != "openid")])
    new = changed(file, "resource", shown_by="userinfo", scope=scope)
    text = (
        "Its tokens are for its userinfo endpoint: give `resource` where there is one."
    )
    remark = Remark("resource.shown_by", text)
    yield Candidate(new, f'shown_by = "userinfo", scope = "{scope}"', (remark,))


# --- client authentication ----------------------------------------------------------


def _assertions(file: TargetFile, trial: Trial) -> Iterator[Candidate]:
    """Yield each accommodation of assertions alone, then two at a time."""
    because = "Its token endpoint refuses the assertion without this"
    text = f"{because}: {trial.said or trial.detail}"[:160].rstrip(". ") + "."
    for count in (1, 2):
        for some in itertools.combinations(_ASSERTIONS, count):
            words = {what for what, _, _ in some}
            if words != {"assertion-without-type", "assertion-type"}:
                yield from _accommodations(file, some, text)


def _accommodations(
    file: TargetFile, some: Iterable[tuple[str, str, str | None]], because: str
) -> Iterator[Candidate]:
    there = {one.what for one in file.accommodation}
    more = [
        Accommodation(what, because, value, requirement)
        for what, value, requirement in some
        if what not in there
    ]
    if more:
        label = ", ".join(
            one.what + (f' = "{one.value}"' if one.value else "") for one in more
        )
        new = msgspec.structs.replace(file, accommodation=[*file.accommodation, *more])
        yield Candidate(new, f"accommodation {label}")
