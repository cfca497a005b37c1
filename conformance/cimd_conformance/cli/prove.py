"""`prove`: the suite proves itself, flaw by flaw."""

from __future__ import annotations

import click

from cimd_conformance.cli._network import require_lab

_EPILOG = """\b
Examples:
  cimd-conformance prove
  cimd-conformance prove --flaw redirect-uri-not-compared
  cimd-conformance prove --full --update
"""


@click.command(epilog=_EPILOG)
@click.option("--update", is_flag=True, help="Write the reviewed matrix anew.")
@click.option("--full", is_flag=True, help="Run every pair of flaw and scenario.")
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write the results as one JSON document; `-` is stdout.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Where names, keys and addresses come from.",
)
@click.option(
    "--flaw",
    "flaws",
    multiple=True,
    metavar="NAME",
    help="Prove only this flaw; may be repeated.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    help="Prove only scenarios whose id is this or matches it; may be repeated.",
)
@click.option(
    "--network",
    type=click.Choice(["embedded", "lab"]),
    default="embedded",
    show_default=True,
    help="Where names and addresses come from.",
)
def command(
    *,
    update: bool,
    full: bool,
    json_path: str | None,
    seed: int,
    flaws: tuple[str, ...],
    only: tuple[str, ...],
    network: str,
) -> int:
    """Prove that the suite finds what it claims to find.

    Every flaw weakens one check of the reference; the scenarios that are there for it
    must then fail, and nothing else may, except what the reviewed matrix lists. Every
    part of every expectation must fail under some flaw.
    """
    from cimd_conformance.prove import prove_command_main  # noqa: PLC0415 - slow

    if update and only:
        raise click.UsageError("--update needs every scenario: leave --only out.")
    if update and network != "embedded":
        raise click.UsageError("--update needs every power: leave --network out.")
    if network == "lab":
        require_lab(made=True)
    return int(
        prove_command_main(
            update=update,
            full=full,
            json_path=json_path,
            seed=seed,
            flaws=flaws,
            only=only,
            network=network,
        )
    )
