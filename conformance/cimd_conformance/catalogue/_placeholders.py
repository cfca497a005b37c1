"""`{client.origin}` and the like: names that stand for values of a run.

There are no expressions. A value that is nothing but one placeholder takes its type
too; anything else becomes text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = re.compile(r"\{([a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*)\}")


def placeholders(value: Any) -> Iterator[str]:
    """Yield every placeholder of a value, however deep."""
    if isinstance(value, str):
        yield from _NAME.findall(value)
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


def expand(value: Any, known: Mapping[str, Any]) -> Any:
    """Return the value with every known placeholder replaced, others left alone."""
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        if whole and whole[1] in known:
            return known[whole[1]]
        return _NAME.sub(
            lambda match: str(known[match[1]]) if match[1] in known else match[0],
            value,
        )
    if isinstance(value, Mapping):
        return {expand(key, known): expand(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, known) for item in value]
    return value
