"""Write a target file with a comment on everything that somebody may want to change.

Pure: from a description to text. What is known stands there, with how it is known; what
is not stands there as a comment.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from typing import Any

from cimd_conformance.init._fields import AS, FIELDS, Explained
from cimd_conformance.init._toml import toml_key, toml_value
from cimd_conformance.model import Remark, Role, TargetDescribed

WIDTH = 88
_ACCOMMODATIONS = """\
# What the legitimate flow needs besides; each is itself a check (docs/target.md).
# [[accommodation]]
# what = "assertion-audience"
# value = "{token_endpoint}"
# because = "It accepts assertions for its token endpoint alone."
"""


def render(described: TargetDescribed, command: list[str]) -> str:
    """Return the text of the target file; `command` is how `init` was asked for it."""
    writer = _Writer(described)
    lines = [
        *_comment(f"Written by `{shlex.join(command)}`."),
        *_comment("docs/target.md explains every field."),
        *_comment("It names commands that are run: treat it like a script."),
        *writer.remarks(""),
        *_flows(described),
        "schema = 1",
        *writer.top("name"),
        *writer.top("role"),
        *writer.tables(),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _flows(described: TargetDescribed) -> Iterator[str]:
    """Say which legitimate flows were seen to work."""
    flows = dict.fromkeys(name.partition("[")[0] for name in described.works)
    if flows:
        count = len(described.works)
        yield from _comment(f"Seen to work, in {count} shapes: {', '.join(flows)}.")
    yield ""


def _comment(text: str) -> list[str]:
    """Wrap a text into comment lines; a line break in it cannot end the comment."""
    words = " ".join(text.split())
    printable = "".join(char if char.isprintable() else "?" for char in words)
    lines = textwrap.wrap(
        printable, WIDTH - 2, break_on_hyphens=False, break_long_words=False
    )
    return [f"# {line}" for line in lines]


class _Writer:
    """Writes one description."""

    def __init__(self, described: TargetDescribed) -> None:
        self._file = described.target
        self._remarks = described.remarks
        self._role = Role(described.target["role"])

    def remarks(self, where: str) -> Iterator[str]:
        """Yield what there is to say about a field, and what it could be."""
        for remark in self._about(where):
            yield from _comment(("TODO: " if remark.todo else "") + remark.text)
            if remark.example:
                yield f"# {remark.example}"

    def _about(self, where: str) -> list[Remark]:
        return [one for one in self._remarks if one.field == where]

    def top(self, name: str) -> Iterator[str]:
        """Yield a field of the file itself."""
        yield from self.remarks(name)
        yield f"{name} = {toml_value(self._file[name])}"

    def tables(self) -> Iterator[str]:
        """Yield the tables, each with what it has and what it could have."""
        named = dict.fromkeys(one.table for one in FIELDS if self._role in one.roles)
        for table in named:
            if table in ("server.env", "client.env", "client_document"):
                yield from self._free(table)
            else:
                yield from self._table(table)
            if table == "client_document" and self._role is AS:
                yield from self._accommodations()
        yield from self._rest()

    def _table(self, table: str) -> Iterator[str]:
        there = self._file.get(table, {})
        body: list[str] = []
        known = [
            one for one in FIELDS if one.table == table and self._role in one.roles
        ]
        for one in known:
            body += self._field(one, there)
        written = {"env", *(one.field for one in known)}
        unknown = [name for name in there if name not in written]
        body += [f"{name} = {toml_value(there[name])}" for name in unknown]
        if not body:
            return
        live = any(not line.startswith("#") for line in body)
        yield from ("", f"[{table}]" if live else f"# [{table}]", *body)

    def _field(self, one: Explained, there: dict[str, Any]) -> Iterator[str]:
        if not one.field:
            yield from _comment(one.meaning)
            return
        where = f"{one.table}.{one.field}"
        about = list(self.remarks(where))
        if one.field not in there and not (about or one.example or one.always):
            return
        yield from _comment(one.meaning)
        yield from about
        if one.field in there:
            yield f"{one.field} = {toml_value(there[one.field])}"
        elif one.always:
            yield f"{one.field} = {one.always}"
        elif one.example and not any(note.example for note in self._about(where)):
            yield f"# {one.example}"

    def _free(self, table: str) -> Iterator[str]:
        """Yield a table whose names are the target's own."""
        head, _, tail = table.partition(".")
        there = self._file.get(head, {})
        there = there.get(tail, {}) if tail else there
        about = list(self.remarks(table))
        if not there and not about:
            return
        yield from ("", f"[{table}]")
        yield from _comment(next(one.meaning for one in FIELDS if one.table == table))
        yield from about
        for name, value in there.items():
            yield from self.remarks(f"{table}.{name}")
            yield f"{toml_key(name)} = {toml_value(value)}"

    def _accommodations(self) -> Iterator[str]:
        declared = self._file.get("accommodation", [])
        for one in declared:
            yield from ("", "[[accommodation]]")
            yield from (f"{name} = {toml_value(value)}" for name, value in one.items())
        if not declared:
            yield from ("", _ACCOMMODATIONS.rstrip("\n"))

    def _rest(self) -> Iterator[str]:
        """Yield remarks on fields that have no place of their own."""
        placed = {f"{one.table}.{one.field}".rstrip(".") for one in FIELDS}
        placed |= {"", "name", "role", "server.env", "client.env", "client_document"}
        for remark in self._remarks:
            table = remark.field.rpartition(".")[0]
            free = table in ("server.env", "client.env", "client_document")
            if remark.field not in placed and not free:
                mark = "TODO: " if remark.todo else ""
                yield from ("", *_comment(f"{mark}{remark.field}: {remark.text}"))
