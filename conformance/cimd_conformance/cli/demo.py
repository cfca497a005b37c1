"""`demo`: the suite against the bundled reference."""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec

from cimd_conformance.cli._network import require_lab
from cimd_conformance.cli._options import SuiteOptions, suite_options
from cimd_conformance.cli._suite import job_of, run_suite
from cimd_conformance.model import Job, Role

_MOST_PROCESSES = 4
_EPILOG = """\b
Examples:
  cimd-conformance demo
  cimd-conformance demo --flaw redirect-uri-not-compared
  cimd-conformance demo --only 'as/redirect-uri/*' --json - | jq .verdict
"""


@click.command(epilog=_EPILOG)
@suite_options
@click.option(
    "--network",
    type=click.Choice(["embedded", "lab"]),
    default="embedded",
    show_default=True,
    help="Where names and addresses come from.",
)
@click.option(
    "--role",
    type=click.Choice(["all", *(role.value for role in Role)]),
    default="all",
    show_default=True,
    help="Which of the three references is tested.",
)
@click.option(
    "--flaw", metavar="NAME", help="Weaken one check of the reference, and see."
)
def command(*, network: str, role: str, flaw: str | None, **values: Any) -> int:
    """Run the suite against the bundled reference.

    Nothing has to be configured, and nothing leaves this machine.
    With --flaw the reference has one weakness, and the suite shows how it is found.
    """
    options = SuiteOptions(**values)
    adopted = network == "lab" and require_lab().adopted
    words = ["demo"]
    if network != "embedded":
        words += ["--network", network]
    if role != "all":
        words += ["--role", role]
    if flaw is not None:
        words += ["--flaw", flaw]
    fields = job_of(options, network=network, role=role, flaw=flaw)
    parts = _processes() if network == "embedded" and not options.only else 1
    job = msgspec.convert(fields | {"adopted": adopted, "parts": parts}, Job)
    return run_suite(job, options, words)


def _processes() -> int:
    """Return how many processes share the work: one for each processor, a few."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
    return min(os.cpu_count() or 1, _MOST_PROCESSES)
