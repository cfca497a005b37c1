"""`list`: the scenarios of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cimd_conformance import __version__
from cimd_conformance.cli._options import selection_options
from cimd_conformance.cli._select import unknown_id
from cimd_conformance.model import PlannedInstance, Role, selected

_EPILOG = """\b
Examples:
  cimd-conformance list
  cimd-conformance list --only 'as/fetch/*'
  cimd-conformance list --json - | jq '.scenarios[].id'
"""


@click.command(epilog=_EPILOG)
@selection_options
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    help="Only scenarios for implementations of this role.",
)
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write a JSON document instead of the table; `-` is stdout.",
)
def command(
    only: tuple[str, ...],
    skip: tuple[str, ...],
    role: str | None,
    json_path: str | None,
) -> None:
    """List the scenarios of the catalogue."""
    planned = [
        each
        for each in _plan(only)
        if selected(each.id, only, skip) and role in (None, each.role.value)
    ]
    if json_path is not None:
        _write_json(planned, json_path)
        return
    from cimd_conformance.reports.listing import show_list  # noqa: PLC0415 - imports rich

    show_list(planned)


def _plan(only: Sequence[str]) -> list[PlannedInstance]:
    """Return the catalogue; a pattern without wildcards has to be an id in it."""
    from cimd_conformance.catalogue import load_catalogue  # noqa: PLC0415 - slow

    planned = [each.planned() for each in load_catalogue().instances]
    for pattern in only:
        if not any(mark in pattern for mark in "*?") and not any(
            selected(each.id, [pattern]) for each in planned
        ):
            raise unknown_id(pattern, (each.id for each in planned))
    return planned


def _write_json(planned: list[PlannedInstance], json_path: str) -> None:
    from cimd_conformance.reports.listing import write_list  # noqa: PLC0415 - when asked

    write_list(planned, __version__, json_path)
