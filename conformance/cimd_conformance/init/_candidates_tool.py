"""What may be different about a tool server that takes no good token of ours. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cimd_conformance.init._describe import scopes_of
from cimd_conformance.init._draft import Candidate, Facts, Trial, changed
from cimd_conformance.model import Remark
from cimd_conformance.target import TargetFile

_HOST_REFUSED = re.compile(
    r"invalid host|host header|host not allowed|disallowed host", re.IGNORECASE
)
HOST_REFUSED = (
    "It refuses requests with the name that it has here: allow {host} in its settings, "
    "for instance with --env ALLOWED_HOSTS='{host}'."
)
_SCOPE = re.compile(r'\bscope="([^"]*)"')
NEVER_ASKED = (
    "It never asked our issuer for keys, nor about a token: is it told whose tokens to "
    "trust? Give --env NAME='{issuer}' and --env NAME='{jwks_uri}' (or "
    "'{introspection_endpoint}'), with the names that your server reads."
)


def candidates(file: TargetFile, trial: Trial, facts: Facts) -> Iterator[Candidate]:
    """Yield what to try, after a trial that did not complete."""
    if refuses_host(trial):
        env = {**file.server.env, "MCPGODEBUG": "disablelocalhostprotection=1"}
        text = (
            "The Go SDK takes the public name in Host for DNS rebinding, as it comes "
        )
        yield _one(file, "server", f"{text}in over 127.0.0.1.", env=env)
        return
    yield from _more_scope(file, trial)
    asks = any(page.endswith("/introspect") for page in trial.reached)
    if asks and file.tokens.judged_by != "introspection":
        text = "It asked our introspection endpoint about the token."
        yield _one(file, "tokens", text, judged_by="introspection")
    yield from _audiences(file, facts)
    for scope in [*scopes_of(facts), ""]:
        if scope != file.resource.scope:
            text = "With this scope a tool answers."
            yield _one(file, "resource", text, scope=scope)
    other = "RS256" if file.tokens.alg == "ES256" else "ES256"
    yield _one(file, "tokens", "It takes no token signed otherwise.", alg=other)
    if file.tokens.judged_by == "jwks" and not asks:
        text = "It takes opaque tokens, which it asks about."
        yield _one(file, "tokens", text, judged_by="introspection")


def refuses_host(trial: Trial) -> bool:
    """Whether the server does not want to be called what we call it."""
    return bool(_HOST_REFUSED.search(f"{trial.detail} {trial.said}"))


def _more_scope(file: TargetFile, trial: Trial) -> Iterator[Candidate]:
    """Yield the scope that a tool asks for besides (RFC 6750 section 3.1)."""
    said = f"{trial.detail} {trial.said}"
    asked = _SCOPE.search(said) if "insufficient_scope" in said else None
    has = file.resource.scope.split()
    more = [one for one in asked[1].split() if one not in has] if asked else []
    if more:
        text = "Its tool asks for more than other requests do: insufficient_scope."
        wider = changed(file, "resource", scope=" ".join([*has, *more]))
        one = _one(wider, "tool", text, scope=" ".join(more))
        yield replace(one, asked_for=True)


def _audiences(file: TargetFile, facts: Facts) -> Iterator[Candidate]:
    named = facts.template(facts.resource.get("resource"))
    for audience in dict.fromkeys((named, "{origin}", "{origin}/", "{issuer}")):
        if audience and audience not in (file.tokens.audience, file.resource.uri):
            text = "It takes tokens for this audience."
            yield _one(file, "tokens", text, audience=audience)


def _one(file: TargetFile, table: str, text: str, **values: Any) -> Candidate:
    name, value = next(iter(values.items()))
    remark = Remark(f"{table}.{name}", text)
    label = f"{table}.{name} = {json.dumps(value)}"
    return Candidate(changed(file, table, **values), label, (remark,))
