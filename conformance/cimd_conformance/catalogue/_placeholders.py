"""`{client.origin}` and the like: names that stand for values of a run.

There are no expressions. A value that is nothing but one placeholder takes its type
too; anything else becomes text. `{client.callback~trailing-slash}` is a near miss of
the value, by its row of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cimd_conformance.catalogue._near import NEAR_MISSES

_NAME = re.compile(r"\{([a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*)(?:~([a-z-]+))?\}")


def placeholders(value: Any) -> Iterator[str]:
    """Yield every placeholder of a value, however deep."""
    if isinstance(value, str):
        yield from (name for name, _ in _NAME.findall(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from placeholders(key)
            yield from placeholders(item)
    elif isinstance(value, list):
        for item in value:
            yield from placeholders(item)


def strings(value: Any) -> Iterator[str]:
    """Yield every text of a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def near_misses(value: Any) -> Iterator[str]:
    """Yield the row of every near miss that a value asks for."""
    for text in strings(value):
        yield from (row for _, row in _NAME.findall(text) if row)


def _replaced(match: re.Match[str], known: Mapping[str, Any]) -> Any:
    name, row = match.groups()
    if name not in known:
        return match[0]
    return NEAR_MISSES[row].of(str(known[name])) if row else known[name]


def expand(value: Any, known: Mapping[str, Any]) -> Any:
    """Return the value with every known placeholder replaced, others left alone."""
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        if whole:
            return _replaced(whole, known)
        return _NAME.sub(lambda match: str(_replaced(match, known)), value)
    if isinstance(value, Mapping):
        return {expand(key, known): expand(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, known) for item in value]
    return value
