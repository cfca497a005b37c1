"""Read a TOML file into a typed value, with file and line in every complaint."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from cimd_conformance.catalogue._locate import locate
from cimd_conformance.model import (
    ConfigError,
    Message,
    Op,
    Outcome,
    Role,
    Severity,
    Verb,
)

T = TypeVar("T")

_PATH = re.compile(r" - at `(\$[^`]*)`$")
_PIECE = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_ALLOWED = {
    "in": Message,
    "op": Op,
    "role": Role,
    "severity": Severity,
    "do": Verb,
    "outcome": Outcome,
}


def complain(
    code: str, file: Path, line: int, what: str, hint: str = ""
) -> ConfigError:
    """Make the error for one place of one file."""
    return ConfigError(code, f"{file}:{line}: {what}", hint)


def parse_path(message: str) -> tuple[str, list[str | int]]:
    """Cut the `$.a[0].b` that msgspec appends off its message."""
    match = _PATH.search(message)
    if match is None:
        return message, []
    pieces: list[str | int] = []
    for name, index in _PIECE.findall(match[1]):
        if name:
            pieces.append(name)
        elif index:
            pieces.append(int(index))
    return message[: match.start()], pieces


def _allowed(pieces: list[str | int]) -> str:
    last = next((p for p in reversed(pieces) if isinstance(p, str)), "")
    words = _ALLOWED.get(last)
    return "allowed: " + ", ".join(str(w.value) for w in words) if words else ""


def read_toml(file: Path, kind: type[T]) -> tuple[T, str]:
    """Return the file's value and its text.

    Raises `ConfigError` with file, line, what is wrong and what is allowed.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(
            "file-unreadable",
            f"{file}: cannot be read: {error.strerror}.",
            "Check the path.",
        ) from None
    except UnicodeDecodeError:
        raise complain("toml-syntax", file, 1, "The file is not UTF-8.") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(len(text.splitlines()), 1)
        what = f"This is not TOML: {error}."
        raise complain("toml-syntax", file, line, what) from None
    return convert(data, text, file, kind), text


def convert(data: object, text: str, file: Path, kind: type[T]) -> T:
    """Give parsed TOML its type; raises `ConfigError` at the right line."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        what, pieces = parse_path(str(error))
        unknown = re.search(r"unknown field `([^`]+)`", what)
        where = [*pieces, unknown[1]] if unknown else pieces
        hint = _allowed(pieces)
        if unknown:
            hint = "allowed: " + ", ".join(_fields_at(kind, pieces))
        dotted = ".".join(str(piece) for piece in pieces) or "top level"
        line = locate(text, where)
        raise complain("schema", file, line, f"{what} ({dotted}).", hint) from None


def _fields_at(kind: type, pieces: list[str | int]) -> list[str]:
    """Return the field names of the table at a path of the type."""
    info = msgspec.inspect.type_info(kind)
    for piece in pieces:
        if isinstance(info, msgspec.inspect.StructType) and isinstance(piece, str):
            field = next((f for f in info.fields if f.encode_name == piece), None)
            info = field.type if field else info
        elif isinstance(info, msgspec.inspect.ListType):
            info = info.item_type
        if isinstance(info, msgspec.inspect.UnionType):
            info = next(
                (t for t in info.types if isinstance(t, msgspec.inspect.StructType)),
                info,
            )
    if isinstance(info, msgspec.inspect.StructType):
        return [field.encode_name for field in info.fields]
    return []
