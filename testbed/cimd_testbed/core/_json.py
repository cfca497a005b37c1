"""JSON as immutable values, so that a rule's arguments can be kept and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | tuple[Json, ...] | JsonObject | None"

MAX_DEPTH = 16
"""Deeper nesting than this is no client metadata (CIMD-03 section 9.7)."""


class JsonObject(Mapping[str, Json]):
    """A JSON object that never changes: hashable, comparable, arrays are tuples."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Any] | None = None) -> None:
        frozen = {name: freeze(value) for name, value in (members or {}).items()}
        self._members: dict[str, Json] = frozen

    def __getitem__(self, name: str) -> Json:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __hash__(self) -> int:
        return hash(frozenset(self._members.items()))

    def __repr__(self) -> str:
        return f"JsonObject({self.plain()!r})"

    def text(self, name: str) -> str | None:
        """Return the member when it is a string, else None."""
        value = self._members.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the strings of an array member; empty when it is anything else."""
        value = self._members.get(name)
        if not isinstance(value, tuple):
            return ()
        return tuple(item for item in value if isinstance(item, str))

    def number(self, name: str) -> float | None:
        """Return the member when it is a finite number (never a boolean)."""
        value = self._members.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if abs(value) < 1e15 else None

    def plain(self) -> dict[str, Any]:
        """Return ordinary, mutable dicts and lists."""
        return {name: thaw(value) for name, value in self._members.items()}


_FROZEN = (str, bool, int, float, JsonObject)


def freeze(value: Any) -> Json:
    """Make a JSON value immutable."""
    if value is None or isinstance(value, _FROZEN):
        return value
    if isinstance(value, Mapping):
        return JsonObject(value)
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    raise TypeError(f"{type(value).__name__} is not a JSON type.")


def thaw(value: Json) -> Any:
    """Make an ordinary, mutable JSON value."""
    if isinstance(value, JsonObject):
        return value.plain()
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    return value


def parse_json_object(body: bytes) -> JsonObject:
    """Read a JSON object as most libraries do: the last of repeated members counts.

    Raises `ValueError` for anything that is not one JSON object in UTF-8.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("The JSON text is nested too deeply.") from error
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - one error for every unusable text
            "The JSON text is not an object."
        )
    return JsonObject(value)


def repeated_members(body: bytes) -> tuple[str, ...]:
    """Return the names that occur twice in one object, anywhere in a valid text."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(name for name in set(names) if names.count(name) > 1)
        return dict(pairs)

    json.loads(body.decode("utf-8"), object_pairs_hook=collect)
    return tuple(sorted(set(repeated)))


def depth(value: Json) -> int:
    """Return how deeply arrays and objects are nested; 0 for a scalar."""
    if isinstance(value, JsonObject):
        return 1 + max((depth(item) for item in value.values()), default=0)
    if isinstance(value, tuple):
        return 1 + max((depth(item) for item in value), default=0)
    return 0


def strings(value: Json) -> Iterator[str]:
    """Yield every string of a value, member names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, JsonObject):
        for name, item in value.items():
            yield name
            yield from strings(item)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON (RFC 8259 section 6).")
