"""What makes a scenario mean what it says: ids, families, steps, edits.

Each rule is about a mistake that would otherwise be silent: a change that is never
made, an instance that hides another, an option that nobody reads.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from cimd_conformance.catalogue._near import rows_of
from cimd_conformance.model import (
    ACTORS,
    STEP_OPTIONS,
    Change,
    Message,
    Op,
    Role,
    Scenario,
)

Complaint = tuple[list[str | int], str, str]

_ID = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)+")
_COME_BACK = frozenset(
    {
        Message.CLIENT_DOCUMENT_REQUEST,
        Message.JWKS_REQUEST,
        Message.LOGO_REQUEST,
        Message.PAGE,
        Message.PAGES,
        Message.CONSENT_PAGE,
        Message.COOKIES,
        Message.AUTHORIZATION_RESPONSE,
        Message.TOKEN_RESPONSE,
        Message.REFRESH_RESPONSE,
        Message.REVOCATION_RESPONSE,
        Message.INTROSPECTION_RESPONSE,
        Message.ACCESS_TOKEN,
        Message.AS_METADATA,
    }
)
"""What an authorization server sends: we judge it and cannot change it."""

_RESPONSES = frozenset(
    {Message.CLIENT_DOCUMENT_RESPONSE, Message.JWKS_RESPONSE, Message.LOGO_RESPONSE}
)
_DOCUMENTS = frozenset({Message.CLIENT_DOCUMENT, Message.JWKS})
_OF_DOCUMENTS = frozenset({Op.PRECEDE, Op.FIT, Op.JSON, Op.NEST, Op.ENCODE})
_WHOLE_DOCUMENTS = frozenset({Op.APPEND, Op.PREPEND, Op.PAD, Op.ENCODE})
_TREE_OPS = frozenset(set(Op) - _OF_DOCUMENTS - {Op.RAW, Op.BYTES, Op.DUPLICATE})
_FEW_OPS = {
    Message.FLOW: frozenset({Op.SET}),
    Message.CONSENT_REQUEST: frozenset(set(Op) - _OF_DOCUMENTS - {Op.RAW, Op.BYTES}),
    Message.CLIENT_ASSERTION: _TREE_OPS | {Op.RAW, Op.BYTES},
    **dict.fromkeys(_RESPONSES, _TREE_OPS),
    **dict.fromkeys(_DOCUMENTS, frozenset(Op)),
}
"""Where an edit is not carried out for every operation."""


def structure(scenario: Scenario) -> Iterator[Complaint]:
    """Yield what is wrong with ids, rows, variants, steps and changes."""
    if not _ID.fullmatch(scenario.id):
        hint = "allowed: lower-case words with hyphens, at least two, between slashes"
        yield ["id"], f"{scenario.id!r} is no id.", hint
    yield from _rows(scenario)
    for name, values in scenario.variants.items():
        if not values or len(values) != len(set(values)):
            what = f"The variant {name!r} needs values, each of them once."
            yield ["variants", name], what, ""
    yield from _steps(scenario)
    for number, change in enumerate(scenario.change):
        for what, hint in _change(scenario, change):
            yield ["change", number], what, hint


def _rows(scenario: Scenario) -> Iterator[Complaint]:
    """Demand names by which the instances of a family differ."""
    rows = rows_of(scenario)
    before = len(rows) - len(scenario.case)
    keys = {key for row in rows for key in row} - {"change"}
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows):
        where: list[str | int] = ["case", max(number - before, 0)]
        name = row.get("name")
        if not isinstance(name, str) or not re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9._-]*", name
        ):
            hint = "allowed: letters, digits and ._-, without spaces"
            yield where, "A row needs a `name`, which shows in its id.", hint
            continue
        seen[name] += 1
        if seen[name] == 2:
            yield where, f"Two rows have the name {name!r}.", ""
        if missing := sorted(keys - set(row)):
            yield where, f"The row {name!r} lacks {', '.join(missing)}.", ""
        try:
            msgspec.convert(row.get("change", []), list[Change])
        except msgspec.ValidationError as error:
            yield where, f"A change of the row {name!r} is wrong: {error}.", ""


def _steps(scenario: Scenario) -> Iterator[Complaint]:
    for number, step in enumerate(scenario.step):
        where: list[str | int] = ["step", number]
        if step.as_ not in ACTORS:
            yield (
                [*where, "as"],
                f"{step.as_!r} acts in no flow.",
                "allowed: " + ", ".join(ACTORS),
            )
        options = STEP_OPTIONS.get(step.do)
        for name in step.with_:
            if options is not None and name not in options:
                hint = "allowed: " + (", ".join(sorted(options)) or "nothing")
                what = f"{step.do.value!r} takes no option {name!r}."
                yield [*where, "with"], what, hint


def _change(scenario: Scenario, change: Change) -> Iterator[tuple[str, str]]:
    message, name = change.in_, change.in_.value
    if scenario.role is Role.AUTHORIZATION_SERVER and message in _COME_BACK:
        sent = ", ".join(sorted(m.value for m in set(Message) - _COME_BACK))
        yield f"The target sends {name}: nobody can change it.", f"allowed: {sent}"
    ops = _FEW_OPS.get(message, frozenset(Op))
    if scenario.role is Role.AUTHORIZATION_SERVER and message not in _FEW_OPS:
        ops -= _OF_DOCUMENTS
    if change.op not in ops:
        hint = "allowed: " + ", ".join(sorted(op.value for op in ops))
        yield f"{name} cannot be changed by {change.op.value!r}.", hint
    if message is Message.FLOW and change.step is not None:
        hint = "Change the message of that step instead."
        yield "A flow variable is changed from the beginning, in no step.", hint
    outermost = change.op in (Op.DUPLICATE, Op.PRECEDE, Op.FIT)
    if outermost and len(change.at) != 1 and message in _DOCUMENTS:
        yield "Only a member of the outermost object can be repeated or fitted.", ""
    placeless = {Op.RAW, Op.BYTES, Op.SET}
    if message in _DOCUMENTS:
        placeless |= _WHOLE_DOCUMENTS
    if not change.at and change.op not in placeless:
        yield f"{change.op.value!r} needs a place in the message, `at`.", ""
    yield from _value(change)


def _value(change: Change) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the value of a change, given what is done with it."""
    value = change.value
    if change.op is Op.BYTES and not _is_hex(value):
        yield "`bytes` takes a value of hexadecimal digits.", ""
    if change.op in (Op.PAD, Op.FIT, Op.NEST) and not _is_size(value):
        yield f"`{change.op.value}` takes a number, up to 64 Mi.", ""
    if change.op is Op.REPEAT and not (
        isinstance(value, dict)
        and set(value) == {"of", "times"}
        and _is_size(value["times"])
    ):
        yield "`repeat` takes `{ of = value, times = n }`.", ""
    if change.op is Op.ENCODE and not _is_encoding(value):
        yield f"{value!r} is no character encoding.", ""


def _is_encoding(value: object) -> bool:
    if isinstance(value, str) and value.startswith("{case."):
        return True
    try:
        return isinstance(value, str) and bool(codecs.lookup(value))
    except LookupError:
        return False


def _is_hex(value: object) -> bool:
    try:
        return isinstance(value, str) and bytes.fromhex(value) is not None
    except ValueError:
        return False


def _is_size(value: object) -> bool:
    if isinstance(value, str) and value.startswith("{case."):
        return True
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 <= int(str(value)) <= 64 << 20
