"""`coverage`: which requirements and attacks the suite covers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cimd_conformance.model import Role

if TYPE_CHECKING:
    from cimd_conformance.prove import Covered

_EPILOG = """\b
Examples:
  cimd-conformance coverage
  cimd-conformance coverage --role tool-server --open
  cimd-conformance coverage --json - | jq '.[] | select(.why != "")'
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    help="Only requirements and attacks for implementations of this role.",
)
@click.option("--open", "open_", is_flag=True, help="List what is open, by id.")
@click.option("--explained", is_flag=True, help="List what is explained, with reasons.")
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write every id with its state as a JSON document; `-` is stdout.",
)
def command(
    role: str | None, *, open_: bool, explained: bool, json_path: str | None
) -> None:
    """Show which requirements and attacks the suite covers.

    An id is covered when a scenario asks for it and a flaw that the scenario is there
    for makes that question fail: computed by `prove`. Otherwise somebody has explained
    why not, or it is open.
    """
    from cimd_conformance.catalogue import load_catalogue  # noqa: PLC0415 - slow
    from cimd_conformance.prove import (  # noqa: PLC0415 - likewise
        coverage,
        coverage_file,
        read_proven,
        unexamined_file,
    )

    instances = load_catalogue().instances
    proven = read_proven(coverage_file())
    found = [
        each
        for each in coverage(instances, proven, unexamined_file())
        if role in (None, each.role)
    ]
    if json_path is not None:
        _write(found, json_path)
        return
    click.echo("\n".join(_table(found)))
    for state, asked in (("explained", explained), ("open", open_)):
        if asked:
            click.echo("\n".join(_listed(found, state)))


def _table(found: list[Covered]) -> Iterator[str]:
    """Yield a row for each kind, role and group."""
    counts: Counter[tuple[str, ...]] = Counter(
        (c.kind, c.role, c.group, c.state) for c in found
    )
    rows = {(c.kind, c.role, c.group): None for c in found}
    order = ["critical", "high", "medium", "low", "P1", "P2", "P3"]
    yield _row(("", "", "", "covered", "reasons", "open", "%"))
    for kind, role, group in sorted(
        rows, key=lambda row: (row[0] == "attack", row[1], order.index(row[2]))
    ):
        yield _row((kind, role, group, *_shares(counts, kind, role, group)))


def _shares(
    counts: Counter[tuple[str, ...]], kind: str, role: str, group: str
) -> tuple[str, ...]:
    states = ("covered", "explained", "open")
    numbers = [counts[kind, role, group, state] for state in states]
    return *map(str, numbers), f"{100 * numbers[0] / sum(numbers):.0f}"


def _row(cells: tuple[str, ...]) -> str:
    kind, role, group, *numbers = cells
    return f"{kind:<12}{role:<21}{group:<9}" + "".join(f"{n:>9}" for n in numbers)


def _listed(found: list[Covered], state: str) -> Iterator[str]:
    yield ""
    yield state
    for each in found:
        if each.state == state:
            yield f"  {each.kind} {each.id} ({each.role}, {each.group})"
            if each.why:
                yield f"      {each.why}"


def _write(found: list[Covered], json_path: str) -> None:
    import dataclasses  # noqa: PLC0415 - when asked

    from cimd_conformance.reports import (  # noqa: PLC0415 - when asked
        check_writable,
        write_document,
    )

    check_writable(json_path)
    text = json.dumps([dataclasses.asdict(each) for each in found], indent=1)
    write_document(json_path, f"{text}\n".encode())
