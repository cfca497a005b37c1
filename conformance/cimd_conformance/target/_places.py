"""Where the fields of a target file stand, for whoever has to change one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cimd_conformance.catalogue import locate


def field_places(path: Path, fields: Iterable[str]) -> list[str]:
    """Return `target.toml:12: server.env.PORT` for each field, named with dots.

    A field that is not there is to be added to the nearest table that is. Members of
    arrays are counted from 0: `login.users.0.password`.
    """
    try:
        text = path.read_text("utf-8")
        value = tomllib.loads(text)
    except (OSError, ValueError):
        return [f"{path}: {field}" for field in fields]
    return [_place(path, text, value, field) for field in fields]


def _place(path: Path, text: str, value: Any, field: str) -> str:
    parts: list[str | int] = [
        int(part) if part.isdigit() else part for part in field.split(".")
    ]
    there = _depth(value, parts)
    if there == len(parts):
        return f"{path}:{locate(text, parts)}: {field}"
    line = f":{locate(text, parts[:there])}" if there else ""
    return f"{path}{line}: add {field}"


def _depth(value: Any, parts: list[str | int]) -> int:
    """Return how many parts of a path are there."""
    for depth, part in enumerate(parts):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(parts)
