"""Causes with a tool server: the token is refused, or the tool is not there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

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
from cimd_conformance.flows.tool_server import ToolView
from cimd_conformance.model import Message, Outcome, Verb
from cimd_testbed.core import split_url


@dataclass(frozen=True, slots=True)
class ToolServer:
    """The tool server as the flow knew it, and what it says about itself."""

    view: ToolView
    issuer: str
    """Our issuer, which it is to trust."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Its protected resource metadata, {} where there are none."""
    tools: tuple[str, ...] = ()
    """The tools that it lists."""


ToolCase = Case[ToolServer]


def tool(case: ToolCase) -> Diagnosis:
    """Return why a good token opens no tool."""
    found = first_of(_RULES, case)
    return found or Diagnosis(
        "control",
        "refused",
        f"A good token opens no tool: {case.result.redact(case.end.detail)}."
        f"{quoted(case.said)}{printed(case.output)}",
        "Check what the target is told of the issuer (`server.env`) and how it is "
        "called (`resource.uri`, `tool.call`); its log says more.",
        ("server.env", "resource.uri", "tool.call"),
    )


def _wrong_path(case: ToolCase) -> Diagnosis | None:
    status = status_of(case.last)
    if status not in (404, 405) or case.end.verb is not Verb.CONNECT:
        return None
    view, named = case.view.view, case.view.metadata.get("resource")
    own = split_url(view.resource).origin
    says = isinstance(named, str) and named != view.resource
    at = f' Its metadata say that it is at "{named}".' if says else ""
    told = [v for v in case.file.server.env.values() if v.startswith("{origin}/")]
    write = str(named).replace(own, "{origin}") if says else (*told, "{origin}/…")[0]
    return Diagnosis(
        "control",
        "resource-wrong",
        f"{view.resource} answered HTTP {status}: there is no MCP endpoint.{at}",
        f'Write its URL: `resource.uri = "{write}"`.',
        ("resource.uri",),
    )


def _host(case: ToolCase) -> Diagnosis | None:
    status = status_of(case.last)
    said = re.search(r"\b(?:host|origin)\b", case.words, re.IGNORECASE)
    if status not in (400, 403, 421) or not said or "scope" in case.words:
        return None
    return Diagnosis(
        "control",
        "host-refused",
        f"The target answered HTTP {status} to its own public name, "
        f"{split_url(case.view.view.resource).host}.{quoted(case.said)}",
        "Allow its public name: put {host} into what it reads as its allowed hosts "
        "(`server.env`, `server.start`).",
        ("server.env", "server.start"),
    )


def _scope(case: ToolCase) -> Diagnosis | None:
    if status_of(case.last) != 403 and "insufficient_scope" not in case.words:
        return None
    view = case.view.view
    challenge = header_of(case.last, "www-authenticate")
    found = re.search(r'\bscope="([^"]*)"', challenge)
    known = case.view.metadata.get("scopes_supported")
    if found:
        wanted, how = found[1], f"it wants {found[1]!r}"
    elif isinstance(known, list) and known:
        wanted = " ".join(map(str, known))
        how = f"its metadata name the scopes {listed(known)}"
    else:
        wanted, how = "", "it does not say which scope it wants"
    write = " ".join(dict.fromkeys([*view.scope.split(), *wanted.split()]))
    return Diagnosis(
        "control",
        "scope-not-granted",
        f"A token with the scope {view.scope!r} does not suffice: {how}."
        + quoted(case.said),
        f'Write `resource.scope = "{write or "…"}"`: all that the tool takes.',
        ("resource.scope",),
    )


def _token(case: ToolCase) -> Diagnosis | None:
    """Return why a good token is refused with 401."""
    if status_of(case.last) != 401:
        return None
    rules = (_other_issuer, _audience_said, _judged_by, _not_trusted)
    return first_of((*rules, _audience, _algorithm), case) or (
        Diagnosis(
            "control",
            "token-not-accepted",
            f"The target asked our issuer and refused a good token.{quoted(case.said)}"
            f"{printed(case.output)} The token is from {case.view.issuer}, for "
            f"{case.view.view.audience}, with the scope {case.view.view.scope!r}.",
            "Compare these with what the target demands: `tokens.audience`, "
            "`resource.scope`, `tokens.alg`, and the issuer in `server.env`.",
            ("tokens.audience", "resource.scope", "tokens.alg", "server.env"),
        )
    )


def _asked(case: ToolCase) -> list[str]:
    """Return what the target fetched from our issuer."""
    prefix = split_url(case.view.issuer).path
    found = [c.target for c in case.strays if c.target and prefix in c.target]
    served = [e for e in case.exchanges if e.sender == "target"]
    return [*found, *(one.message for one in served)]


def _other_issuer(case: ToolCase) -> Diagnosis | None:
    named = case.view.metadata.get("authorization_servers")
    if not isinstance(named, list) or not named or case.view.issuer in named:
        return None
    known = [str(one).rstrip("/") for one in named]
    env = case.file.server.env
    fixed = [key for key, value in env.items() if value.rstrip("/") in known]
    where = listed(f"`server.env.{key}`" for key in fixed) or "`server.env`"
    fields = tuple(f"server.env.{key}" for key in fixed) or ("server.env",)
    return Diagnosis(
        "control",
        "issuer-other",
        f"The target refused a good token: its metadata say that it trusts "
        f"{listed(named)}, and tokens come from {case.view.issuer} here."
        + quoted(case.said),
        f"Write {{issuer}} into {where}, and {{jwks_uri}} where it takes its keys.",
        fields,
    )


def _not_trusted(case: ToolCase) -> Diagnosis | None:
    if _asked(case):
        return None
    return Diagnosis(
        "control",
        "issuer-not-asked",
        "The target refused a good token and never asked its issuer, "
        f"{case.view.issuer}.{quoted(case.said)}{printed(case.output)}",
        "Tell it whom to trust, in `server.env` or `server.start`: {issuer} and "
        "{jwks_uri} for signed tokens, {introspection_endpoint} with "
        "{introspection_client} and {introspection_secret} for opaque ones.",
        ("server.env", "server.start"),
    )


def _judged_by(case: ToolCase) -> Diagnosis | None:
    asked = _asked(case)
    introspects = any("introspect" in one for one in asked)
    by = case.view.view.source
    if introspects and by == "jwks":
        other, what = "introspection", "asked the introspection endpoint about it"
    elif by == "introspection" and not introspects:
        other = "jwks"
        what = "fetched keys instead" if asked else "asked nobody about it"
    else:
        return None
    return Diagnosis(
        "control",
        "judged-by",
        f"`tokens.judged_by` is {by}, and the target {what}.{quoted(case.said)}",
        f'Write `tokens.judged_by = "{other}"`, or tell the target to judge tokens so '
        "(`server.env`: {introspection_endpoint}, {introspection_client}, "
        "{introspection_secret}; or {issuer} and {jwks_uri}).",
        ("tokens.judged_by", "server.env"),
    )


def _audience_said(case: ToolCase) -> Diagnosis | None:
    said = re.search(r"\baud(?:ience)?\b", case.said, re.IGNORECASE)
    return _audience(case) if said else None


def _audience(case: ToolCase) -> Diagnosis | None:
    named = case.view.metadata.get("resource")
    view = case.view.view
    differs = isinstance(named, str) and named != view.audience
    if not differs and not re.search(r"\baud(?:ience)?\b", case.words, re.IGNORECASE):
        return None
    says = (
        f" Its metadata name the resource {named!r}." if isinstance(named, str) else ""
    )
    own = split_url(view.resource).origin
    write = str(named).replace(own, "{origin}") if differs else "…"
    return Diagnosis(
        "control",
        "token-audience",
        f"The target refused a good token for the audience {view.audience!r}."
        f"{says}{quoted(case.said)}{printed(case.output)}",
        f'Write the audience that it demands: `tokens.audience = "{write}"`, or tell '
        "the target that it is {resource} (`server.env`).",
        ("tokens.audience", "server.env"),
    )


def _algorithm(case: ToolCase) -> Diagnosis | None:
    pattern = (
        r"\balg(?:orithm)?s?\b|key type|unsupported key|no (?:matching|suitable) key"
    )
    if not re.search(pattern, case.words, re.IGNORECASE):
        return None
    alg = case.file.tokens.alg
    other = "RS256" if alg == "ES256" else "ES256"
    return Diagnosis(
        "control",
        "token-algorithm",
        f"The target refused a token that is signed with {alg}.{quoted(case.said)}"
        f"{printed(case.output)}",
        f'Write `tokens.alg = "{other}"`, or allow {alg} in `server.env`.',
        ("tokens.alg", "server.env"),
    )


# --- the tool -----------------------------------------------------------------------


def _tool_missing(case: ToolCase) -> Diagnosis | None:
    view = case.view.view
    wanted, field = view.tool.name, "tool.call"
    if case.end.verb is Verb.LIST:
        return _no_tools(case)
    if case.end.verb is not Verb.CALL:
        return None
    if view.effect is not None and wanted in case.view.tools:
        wanted, field = view.effect.name, "tool.effect"
    unknown = wanted and case.view.tools and wanted not in case.view.tools
    if not unknown:
        return None
    near = difflib.get_close_matches(wanted, case.view.tools, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return Diagnosis(
        "control",
        "tool-missing",
        f"The target has no tool {wanted!r}. It lists: "
        f"{listed(case.view.tools) or 'none'}.{hint}",
        f"Name one of these in `{field}`, or leave the field out.",
        (field,),
    )


def _no_tools(case: ToolCase) -> Diagnosis | None:
    if case.result.messages.get(Message.MCP_RESPONSE) is None or case.view.tools:
        return None
    if "lists no tools" not in case.end.detail:
        return None
    return Diagnosis(
        "control",
        "no-tools",
        "The target takes a good token and lists no tools.",
        "Let it start with a tool at least (`server.start`, `server.env`), or ask for "
        "a scope with which it shows one (`resource.scope`).",
        ("server.start", "server.env", "resource.scope"),
    )


def _tool_fails(case: ToolCase) -> Diagnosis | None:
    if case.end.verb is not Verb.CALL:
        return None
    if case.end.outcome is not Outcome.REFUSED_IN_RESULT:
        return None
    view = case.view.view
    detail = case.result.redact(case.end.detail)
    if "effect is not there" in case.end.detail:
        shown = view.effect.name if view.effect else ""
        return Diagnosis(
            "control",
            "tool-effect",
            f"The tool {view.tool.name!r} ran, and the result of {shown!r} does not "
            "show what it was called with.",
            "Pass {marker} in the arguments of `tool.call`, and name a tool in "
            "`tool.effect` whose result repeats it; or leave `tool.effect` out.",
            ("tool.effect", "tool.call"),
        )
    arguments = view.tool.arguments
    return Diagnosis(
        "control",
        "tool-fails",
        f"No tool gives a result. The last one: {detail} (arguments {arguments!r}).",
        "Name a tool that works and its arguments: "
        '`tool.call = { name = "…", arguments = { … } }`.',
        ("tool.call",),
    )


_RULES = (_wrong_path, _token, _host, _scope, _tool_missing, _tool_fails)


def furthest(ends: Iterable[ToolCase]) -> ToolCase:
    """Return the case that came furthest; of equals the last, the older form."""
    order = (Verb.CONNECT, Verb.LIST, Verb.CALL)
    return max(enumerate(ends), key=lambda one: (order.index(one[1].end.verb), one[0]))[
        1
    ]
