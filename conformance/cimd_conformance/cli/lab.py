"""`lab`: run a command inside the lab's network."""

from __future__ import annotations

import click

from cimd_conformance.cli._network import require_lab

_EPILOG = """\b
Examples:
  cimd-conformance lab -- bash
  cimd-conformance lab -- curl https://as.example.com/
"""


@click.command(
    epilog=_EPILOG,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND...")
def command(words: tuple[str, ...]) -> int:
    """Run COMMAND in a hermetic network, as a target would be run.

    Ends with the exit code of COMMAND.
    """
    require_lab(made=True)
    from cimd_testbed.net.lab import run_lab  # noqa: PLC0415 - Linux only

    return run_lab(list(words))
