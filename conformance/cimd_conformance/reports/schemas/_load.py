"""The JSON Schemas of what the suite writes: `result`, `event`, `doctor` and `list`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

NAMES = ("result", "event", "doctor", "list")


def load_schema(name: str) -> dict[str, Any]:
    """Return the shipped schema of this name."""
    if name not in NAMES:
        raise ValueError(f"There is no schema {name!r}; there are {', '.join(NAMES)}.")
    file = resources.files(__package__) / f"{name}.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return schema
