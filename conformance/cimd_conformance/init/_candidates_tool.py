"""What may be different about a tool server that takes no good token of ours. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cimd_conformance.init._describe import scopes_of
from cimd_conformance.init._draft import Candidate, Facts, Trial, changed
from cimd_conformance.model import Remark
from cimd_conformance.target import TargetFile

NEVER_ASKED = (
    "It never asked our issuer for keys, nor about a token: is it told whose tokens to "
    "trust? Give --env NAME='{issuer}' and --env NAME='{jwks_uri}' (or "
    "'{introspection_endpoint}'), with the names that your server reads."
)


def candidates(file: TargetFile, trial: Trial, facts: Facts) -> Iterator[Candidate]:
    """Yield what to try, after a trial that did not complete."""
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
