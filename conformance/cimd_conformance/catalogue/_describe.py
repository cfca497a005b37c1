"""Say in words what a change does."""

from __future__ import annotations

import json

from cimd_conformance.model import Change, Op

_SHOWN = 80


def describe_change(change: Change) -> str:
    """Return one line: the message, the place in it, and what happens to it."""
    where = ".".join(str(piece) for piece in change.at)
    place = f"{change.in_.value} {where}".strip()
    value = json.dumps(change.value, ensure_ascii=False)
    if len(value) > _SHOWN:
        value = value[:_SHOWN] + "…"
    text = place
    match change.op:
        case Op.SET:
            text = f"{place} = {value}"
        case Op.REMOVE:
            text = f"{place} is left out"
        case Op.APPEND:
            text = f"{place} gets {value} appended"
        case Op.DUPLICATE:
            text = f"{place} is sent a second time as {value}"
        case Op.RENAME:
            text = f"{place} is renamed to {value}"
        case Op.RAW | Op.BYTES:
            text = f"{place} is sent as {value}"
        case Op.PAD:
            text = f"{place} is filled with {value} characters"
    return f"{text} (in step {change.step})" if change.step else text
