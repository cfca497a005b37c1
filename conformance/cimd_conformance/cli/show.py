"""`show`: one scenario as a story, with the diagram of a run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cimd_conformance.cli._select import unknown_id
from cimd_conformance.model import ConfigError, Job, matches

if TYPE_CHECKING:
    from cimd_conformance.catalogue import Instance

_EPILOG = """\b
Examples:
  cimd-conformance show as/redirect-uri/unlisted-host
  cimd-conformance show as/redirect-uri/unlisted-host \\
      --flaw redirect-uri-not-compared
  cimd-conformance show 'as/flow/refresh[auth=private_key_jwt]' --no-diagram
"""


@click.command(epilog=_EPILOG)
@click.argument("scenario_id", metavar="ID")
@click.option(
    "--flaw", metavar="NAME", help="Draw it with one check of the reference weakened."
)
@click.option(
    "--no-diagram",
    is_flag=True,
    help="Only explain; nothing is run.",
)
def command(scenario_id: str, *, flaw: str | None, no_diagram: bool) -> None:
    """Explain one scenario: its story, its change, its answer, its diagram.

    ID is the id of a scenario, or of one instance of it.
    The diagram is of a real run against the bundled reference.
    """
    if flaw is not None and no_diagram:
        raise click.UsageError("--flaw and --no-diagram exclude each other.")
    found = _find(scenario_id)
    if flaw is not None:
        _check_flaw(flaw, found[0])
    from cimd_conformance.cli._explain import explain  # noqa: PLC0415 - slow

    click.echo("\n".join(explain(found)))
    if not no_diagram:
        _show_run(found[0], flaw)


def _find(scenario_id: str) -> list[Instance]:
    from cimd_conformance.catalogue import load_catalogue  # noqa: PLC0415 - slow

    instances = load_catalogue().instances
    found = [each for each in instances if each.id == scenario_id]
    found = found or [each for each in instances if each.scenario.id == scenario_id]
    if not found:
        globbed = [each for each in instances if matches(each.id, scenario_id)]
        if len({each.scenario.id for each in globbed}) != 1:
            known = [name for each in instances for name in (each.id, each.scenario.id)]
            raise unknown_id(scenario_id, known)
        found = globbed
    return found


def _check_flaw(name: str, instance: Instance) -> None:
    """Refuse a flaw that this scenario cannot meet, and name those it is for."""
    from cimd_conformance.prove import known_flaws  # noqa: PLC0415 - slow

    flaw, role = known_flaws().get(name), instance.scenario.role
    if flaw is not None and flaw.role == role.value:
        return
    mine = instance.scenario.flaws
    raise ConfigError(
        "unknown-flaw",
        f"There is no flaw {name!r}."
        if flaw is None
        else f"The flaw {name!r} is of another role: {flaw.role}.",
        "\n".join(["The scenario is for:", *(f"  {each}" for each in mine)]),
    )


def _show_run(instance: Instance, flaw: str | None) -> None:
    """Run one instance against the reference, and draw what was seen."""
    from cimd_conformance.cli._observe import observe  # noqa: PLC0415 - slow
    from cimd_conformance.reports.transcript import show_run  # noqa: PLC0415 - likewise

    role = instance.scenario.role.value
    report = observe(Job(role=role, only=[instance.id], flaw=flaw))
    title = f"The reference with {flaw}" if flaw else "The honest reference"
    show_run(report, instance.id, title)
