"""What a new version of a document demands of a server that knows the old one.

A governed source of identities (an allow list, a registry, a review in a repository)
asks this before it lets a change through.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_METHOD = "token_endpoint_auth_method"


class Demand(enum.StrEnum):
    """What a change demands."""

    NEW_CLIENT = "new-client"
    """It is another client: nothing carries over."""
    CONSENT = "consent"
    """People have to be asked again."""
    REVOKE = "revoke"
    """Grants and tokens have to be withdrawn."""
    OVERLAP = "overlap"
    """The old value has to stay beside the new one for a while."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Consequence:
    """One change, and what it demands."""

    demand: Demand
    requirement: str
    at: str
    what: str


def consequences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Consequence]:
    """Yield what the change from one document to another demands."""
    if old.get("client_id") != new.get("client_id"):
        what = "client_id is another: consent, grants and tokens do not carry over."
        requirement = "cimd-client-id-change-new-client"
        yield Consequence(Demand.NEW_CLIENT, requirement, "client_id", what)
        return
    yield from _redirect_uris(old, new)
    yield from _method(old, new)
    yield from _keys(old, new)
    yield from _reach(old, new)
    for name in ("client_name", "logo_uri", "client_uri"):
        if old.get(name) != new.get(name):
            what = f"{name} changed: people agreed to what they saw before."
            yield Consequence(Demand.CONSENT, "cimd-change-display", name, what)


def _set(document: dict[str, Any], name: str) -> set[str]:
    value = document.get(name)
    if isinstance(value, str):
        return set(value.split())
    return (
        {v for v in value if isinstance(v, str)} if isinstance(value, list) else set()
    )


def _redirect_uris(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Consequence]:
    before, after = _set(old, "redirect_uris"), _set(new, "redirect_uris")
    for uri in sorted(after - before):
        what = f"{uri} is new: nobody agreed that codes go there."
        requirement = "cimd-change-redirect-added"
        yield Consequence(Demand.CONSENT, requirement, "redirect_uris", what)
    for uri in sorted(before - after):
        what = f"{uri} is gone: clients that still use it are refused from now on."
        requirement = "cimd-change-redirect-removed"
        yield Consequence(Demand.OVERLAP, requirement, "redirect_uris", what)


def _method(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Consequence]:
    before, after = old.get(_METHOD, "none"), new.get(_METHOD, "none")
    if before == after:
        return
    if after == "none":
        what = "The client no longer proves who it is: old grants need its key."
        yield Consequence(Demand.REVOKE, "cimd-change-auth-method", _METHOD, what)
    else:
        what = f"The client authenticates with {after} from now on."
        yield Consequence(Demand.NOTHING, "cimd-change-auth-method", _METHOD, what)


def _thumbs(document: dict[str, Any]) -> dict[str, str]:
    keys = document.get("jwks", {})
    found = keys.get("keys") if isinstance(keys, dict) else None
    members = ("crv", "kty", "x", "y", "n", "e")
    return {
        repr([key.get(name) for name in members]): str(key.get("kid", "without kid"))
        for key in (found if isinstance(found, list) else [])
        if isinstance(key, dict)
    }


def _keys(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Consequence]:
    requirement = "cimd-change-keys-reaction"
    if old.get("jwks_uri") != new.get("jwks_uri") and old.get("jwks_uri"):
        what = "jwks_uri is another: whoever answers there is the client from now on."
        yield Consequence(Demand.CONSENT, requirement, "jwks_uri", what)
    before, after = _thumbs(old), _thumbs(new)
    added, gone = after.keys() - before.keys(), before.keys() - after.keys()
    if gone and added and not after.keys() & before.keys():
        what = "Every key is replaced at once: assertions on their way are refused."
        yield Consequence(Demand.OVERLAP, "host-rotation-overlap", "jwks", what)
    elif gone:
        names = ", ".join(sorted(before[key] for key in gone))
        what = f"The keys {names} are gone: what they signed counts no more."
        yield Consequence(Demand.NOTHING, requirement, "jwks", what)
    if before and not after and "jwks_uri" not in new:
        what = "No key is left: the client cannot prove who it is."
        yield Consequence(Demand.REVOKE, requirement, "jwks", what)


def _reach(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Consequence]:
    for name in ("scope", "grant_types"):
        for word in sorted(_set(new, name) - _set(old, name)):
            what = f"{name} has {word} now, which nobody agreed to."
            yield Consequence(Demand.CONSENT, "cimd-change-scope-grants", name, what)
