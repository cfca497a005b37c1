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
    text = _TEXTS[change.op].format(place=place, value=value, raw=change.value)
    if len(text) > len(place) + _SHOWN:
        text = text[: len(place) + _SHOWN] + "…"
    return f"{text} (in step {change.step})" if change.step else text


_TEXTS = {
    Op.SET: "{place} = {value}",
    Op.REMOVE: "{place} is left out",
    Op.APPEND: "{place} gets {value} appended",
    Op.PREPEND: "{place} gets {value} put before it",
    Op.DUPLICATE: "{place} is sent a second time as {value}",
    Op.PRECEDE: "{place} is preceded by one of the same name, {value}",
    Op.RENAME: "{place} is renamed to {value}",
    Op.RAW: "{place} is sent as {value}",
    Op.BYTES: "{place} is sent as {value}",
    Op.PAD: "{place} is filled with {value} characters",
    Op.FIT: "{place} fills it up to {value} bytes",
    Op.REPEAT: "{place} is repeated: {value}",
    Op.JSON: "{place} is the text {raw}",
    Op.NEST: "{place} is {value} arrays, one in the other",
    Op.ENCODE: "{place} is encoded as {value}",
}
