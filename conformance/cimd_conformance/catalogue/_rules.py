"""What a scenario file must keep besides its types: references, places, the law."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cimd_conformance.catalogue._law import law
from cimd_conformance.catalogue._near import NEAR_MISSES, Kind, rows_of
from cimd_conformance.catalogue._placeholders import near_misses, placeholders
from cimd_conformance.catalogue._places import places
from cimd_conformance.catalogue._requirements import load_attacks, load_requirements
from cimd_conformance.catalogue._structure import structure
from cimd_conformance.model import OUTCOME_SETS, Outcome, Scenario, TlsFault

Complaint = tuple[list[str | int], str, str]
"""Where, what is wrong, and what is allowed."""

POWERS = (
    *("public-address", "dns-control", "canary", "tls-variants", "old-tls"),
    *("every-address", "ipv6", "proxy", "clock"),
)
VARIANTS = {
    "auth": ("none", "private_key_jwt"),
    "alg": ("ES256", "RS256"),
    "keys": ("jwks", "jwks_uri"),
    "protocol": ("2025-11-25", "2026-07-28"),
    "token": ("jwks", "introspection"),
}
FEATURES = (
    *("refresh", "revocation", "introspection", "private_key_jwt", "logo", "iss"),
    *("step-up", "hosted-document", "keeps-tokens", "server-side", "rotates"),
    *("registration", "effect", "session", "scope", "several-scopes", "upstream"),
    *("broader-scope", "upstream-login"),
)
ACCOMMODATIONS = (
    *("assertion-audience", "assertion-type", "assertion-without-type"),
    *("jwks-uri-only", "no-resource"),
)
FLOWS = (
    *("authorization-code", "refresh", "revocation", "introspection", "metadata"),
    "upstream-login",
    *("connect", "step-up", "hosted-document"),
    *("tool-call", "tool-list", "greeting", "discovery"),
)
ISOLATION = ("concurrent", "waiting", "exclusive")
SITES = ("client", "evil", "other", "server", "as")
"""Places that are there without being declared; the last two are a client's."""
_SITE_FIELDS = (
    *("origin", "host", "address", "path", "document", "callback", "jwks", "mcp"),
)
_RUN_NAMES = (
    *("issuer", "token_endpoint", "authorization_endpoint", "now"),
    *(
        "resource",
        "resource.origin",
        "resource.host",
        "resource.path",
        "audience",
        "client_id",
    ),
    *("scope", "scope.base", "scope.first", "audience.upper", "marker", "token"),
    *("tool.name", "tool.base64", "tool.scope", "tool.scope.first"),
    "tool.scope.broader",
)


def complaints(scenario: Scenario) -> Iterator[Complaint]:
    """Yield everything that is wrong with a scenario, in file order."""
    yield from _words(scenario)
    yield from _references(scenario)
    yield from _steps(scenario)
    yield from _near(scenario)
    yield from _names(scenario)
    yield from places(scenario)
    yield from structure(scenario)
    yield from law(scenario, list(_texts(scenario)))


def _word(
    where: list[str | int], word: str, allowed: tuple[str, ...], what: str
) -> Iterator[Complaint]:
    if word not in allowed:
        hint = "allowed: " + ", ".join(allowed)
        yield where, f"{word!r} is no {what}.", hint


def _words(scenario: Scenario) -> Iterator[Complaint]:
    yield from _word(["flow"], scenario.flow, FLOWS, "flow")
    yield from _word(["isolation"], scenario.isolation, ISOLATION, "isolation")
    for need in scenario.needs:
        yield from _word(["needs"], need, POWERS, "power")
    for number, place in enumerate(scenario.place):
        if place.tls is not None and not place.tls.startswith("{case."):
            where: list[str | int] = ["place", number, "tls"]
            yield from _word(where, place.tls, tuple(TlsFault), "fault of TLS")
            power = "old-tls" if place.tls == TlsFault.OLD_PROTOCOL else "tls-variants"
            if power not in scenario.needs:
                yield where, f"Needs the power {power}.", ""
    for name in scenario.without:
        yield from _word(["without"], name, ACCOMMODATIONS, "accommodation")
    for feature in scenario.features:
        yield from _word(["features"], feature, FEATURES, "feature")
    for name, values in scenario.variants.items():
        yield from _word(["variants", name], name, tuple(VARIANTS), "variant")
        for value in values:
            allowed = VARIANTS.get(name, ())
            yield from _word(["variants", name], value, allowed, "value here")
    for name, value in scenario.control.items():
        words = FLOWS if name == "flow" else VARIANTS.get(name, ())
        yield from _word(["control"], value, words, "control")
    if not scenario.expect:
        yield [], "A scenario without an expectation proves nothing.", ""
    if not scenario.flaws:
        yield ["flaws"], "A scenario names at least one flaw that it is for.", ""


def _references(scenario: Scenario) -> Iterator[Complaint]:
    known, attacks = load_requirements(), load_attacks()
    family = bool(rows_of(scenario))
    outcomes = {*(o.value for o in Outcome), *OUTCOME_SETS}
    for number, expect in enumerate(scenario.expect):
        if family and expect.requirement.startswith("{case."):
            continue  # checked again in each row of the family
        if expect.requirement not in known:
            where: list[str | int] = ["expect", number, "requirement"]
            yield where, f"{expect.requirement!r} is not in the catalogue.", ""
        for outcome in expect.outcome:
            if family and outcome.startswith("{case."):
                continue
            if str(outcome) not in outcomes:
                hint = "allowed: " + ", ".join(sorted(outcomes))
                yield ["expect", number, "outcome"], f"{outcome!r}: no outcome.", hint
        if not _asks(expect):
            yield ["expect", number], "This expectation asks nothing.", ""
    for attack in scenario.attacks:
        if attack not in attacks:
            yield ["attacks"], f"{attack!r} is not in the attack list.", ""


def _near(scenario: Scenario) -> Iterator[Complaint]:
    near = scenario.near
    if near is None:
        return
    yield from _word(["near", "of"], near.of, tuple(known_names(scenario)), "name")
    kinds = tuple(kind.value for kind in Kind)
    yield from _word(["near", "kind"], near.kind, ("", *kinds), "kind")
    for row in near.leave_out:
        yield from _word(["near", "leave_out"], row, tuple(NEAR_MISSES), "near miss")


def _asks(expect: Any) -> bool:
    judged = [expect.equals, expect.contains, expect.lacks]
    judged += [expect.at_most, expect.same_as]
    return bool(
        expect.outcome
        or expect.untouched
        or expect.unasked
        or expect.touched
        or expect.one_of
        or expect.absent
        or expect.present
        or any(part is not None for part in judged)
    )


def _steps(scenario: Scenario) -> Iterator[Complaint]:
    names = [step.name for step in scenario.step if step.name]
    for number, step in enumerate(scenario.step):
        if step.name and step.name in [s.name for s in scenario.step[:number]]:
            yield ["step", number], f"Two steps have the same name, {step.name!r}.", ""
    allowed = "allowed: " + (", ".join(names) or "none, for want of named steps")
    for part, items in (("change", scenario.change), ("expect", scenario.expect)):
        for number, item in enumerate(items):
            for key in ("step", "same_as"):
                named = getattr(item, key, None)
                if named is not None and named not in names:
                    yield [part, number, key], f"No step is named {named!r}.", allowed


def known_names(scenario: Scenario) -> set[str]:
    """Return every placeholder that a scenario may use."""
    sites = [*SITES, *(place.name for place in scenario.place)]
    names = {f"{site}.{field}" for site in sites for field in _SITE_FIELDS}
    names |= {f"case.{key}" for row in rows_of(scenario) for key in row}
    names |= {f"client.{key}" for key in ("public_jwk", "private_jwk")}
    return names | set(_RUN_NAMES)


def _texts(scenario: Scenario) -> Iterator[tuple[list[str | int], Any]]:
    for number, change in enumerate(scenario.change):
        yield ["change", number, "value"], change.value
    for number, expect in enumerate(scenario.expect):
        judged = [expect.equals, expect.one_of, expect.contains, expect.lacks]
        yield ["expect", number], [*judged, *expect.outcome, expect.requirement]
    for number, row in enumerate(scenario.case):
        yield ["case", number], row
    for number, step in enumerate(scenario.step):
        yield ["step", number, "with"], step.with_


def _names(scenario: Scenario) -> Iterator[Complaint]:
    known = known_names(scenario)
    for where, value in _texts(scenario):
        for name in placeholders(value):
            if name not in known and not name.startswith("flow."):
                hint = "allowed: " + ", ".join(sorted(known)) + ", flow.*"
                yield where, f"The placeholder {{{name}}} is unknown.", hint
        for row in near_misses(value):
            yield from _word(where, row, tuple(NEAR_MISSES), "near miss")
    there = {*SITES, *(place.name for place in scenario.place)}
    for number, expect in enumerate(scenario.expect):
        for place in (*expect.untouched, *expect.unasked, *expect.touched):
            if place not in there:
                hint = "allowed: " + ", ".join(sorted(there))
                yield ["expect", number], f"There is no place {place!r}.", hint
