"""What makes a scenario mean what it says: ids, families, steps, edits.

Each rule is about a mistake that would otherwise be silent: a change that is never
made, an instance that hides another, an option that nobody reads.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

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
        Message.CONSENT_PAGE,
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
_FEW_OPS = {
    Message.FLOW: (Op.SET,),
    Message.CONSENT_REQUEST: tuple(set(Op) - {Op.RAW, Op.BYTES}),
    Message.CLIENT_ASSERTION: tuple(set(Op) - {Op.DUPLICATE}),
    **{m: tuple(set(Op) - {Op.RAW, Op.BYTES, Op.DUPLICATE}) for m in _RESPONSES},
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
    keys = {key for row in rows for key in row}
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
    ops = _FEW_OPS.get(message)
    if ops is not None and change.op not in ops:
        hint = "allowed: " + ", ".join(sorted(op.value for op in ops))
        yield f"{name} cannot be changed by {change.op.value!r}.", hint
    if message is Message.FLOW and change.step is not None:
        hint = "Change the message of that step instead."
        yield "A flow variable is changed from the beginning, in no step.", hint
    nested = change.op is Op.DUPLICATE and len(change.at) != 1
    if nested and message in _DOCUMENTS:
        yield "Only a member of the outermost object can be repeated.", ""
    if not change.at and change.op not in (Op.RAW, Op.BYTES, Op.SET):
        yield f"{change.op.value!r} needs a place in the message, `at`.", ""
    if change.op is Op.BYTES and not _is_hex(change.value):
        yield "`bytes` takes a value of hexadecimal digits.", ""
    if change.op is Op.PAD and not _is_size(change.value):
        yield "`pad` takes a number of characters, up to 64 MiB.", ""


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
