"""Find the line of a TOML file that a path of keys means.

`tomllib` forgets positions, so the file's own structure is walked: table headers and
keys at the beginning of a line. Good for the files that people write here; where a
value is not found, the line of its table is the answer.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+)\s*=(.*)")
_STRING_OR_COMMENT = re.compile(r"""\"(?:\\.|[^"\\])*"|'[^']*'|#.*""")
_TRIPLES = ('"""', "'''")


def locate(text: str, path: list[str | int]) -> int:
    """Return the line, counted from 1, of the value at `path`."""
    position = {tuple[str | int, ...](): 1}
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    quote: str | None = None
    open_brackets = 0
    for number, line in enumerate(text.splitlines(), 1):
        if quote is not None:
            quote = None if quote in line else quote
            continue
        if open_brackets > 0:
            open_brackets += _brackets(line)
            continue
        header = _HEADER.match(line)
        if header:
            table = _table(header[1], header[2], counts)
            position.setdefault(table, number)
            position.setdefault(table[:-1], number)
            continue
        key = _KEY.match(line)
        if key:
            open_brackets = _brackets(key[2])
            names = tuple(part.strip("\"' ") for part in key[1].split("."))
            position.setdefault((*table, *names), number)
        quote = next((q for q in _TRIPLES if line.count(q) == 1), None)
        open_brackets = 0 if quote else open_brackets
    wanted = tuple(path)
    while wanted not in position:
        wanted = wanted[:-1]
    return position[wanted]


def _brackets(text: str) -> int:
    """Return how many brackets stay open behind a value, or a part of one."""
    bare = _STRING_OR_COMMENT.sub("", text)
    return bare.count("[") - bare.count("]") + bare.count("{") - bare.count("}")


def _table(bracket: str, name: str, counts: dict[str, int]) -> tuple[str | int, ...]:
    parts = [part.strip("\"' ") for part in name.split(".")]
    key: list[str | int] = []
    for depth, part in enumerate(parts):
        key.append(part)
        prefix = ".".join(parts[: depth + 1])
        if depth == len(parts) - 1 and bracket == "[[":
            counts[prefix] = counts.get(prefix, -1) + 1
        if prefix in counts:
            key.append(counts[prefix])
    return tuple(key)
