"""Values as TOML. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(name: str) -> str:
    """Return a key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else toml_value(name)


def toml_value(value: Any) -> str:
    """Return a value on one line; raises `TypeError` for what TOML cannot say."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case dict():
            members = (f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items())
            return f"{{ {', '.join(members)} }}" if value else "{}"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML.")


def _text(value: str) -> str:
    """Return a basic string: JSON's escapes are TOML's, but for DEL."""
    encodable = value.encode("utf-8", "replace").decode()
    return json.dumps(encodable, ensure_ascii=False).replace("\x7f", "\\u007f")
