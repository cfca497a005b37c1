"""`run`: the suite against a target of yours."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from cimd_conformance.cli._network import network_for_target
from cimd_conformance.cli._options import SuiteOptions, suite_options
from cimd_conformance.cli._suite import job_of, run_suite
from cimd_conformance.cli._target_file import check_target, prepare
from cimd_conformance.model import Job

_EPILOG = """\b
Examples:
  cimd-conformance run target.toml
  cimd-conformance run target.toml --profile mcp-2025-11-25 --strict
  cimd-conformance run target.toml --only 'as/fetch/*' --ndjson run.ndjson
  cimd-conformance run target.toml --ca pki
"""


@click.command(epilog=_EPILOG)
@click.argument("target", metavar="TARGET.toml")
@suite_options
@click.option(
    "--network",
    type=click.Choice(["lab", "loopback"]),
    help="Where names and addresses come from; the lab where there is one.",
)
@click.option(
    "--ca",
    metavar="DIR",
    help="The CA that a running target trusts: from `certs --out DIR --keep-key`.",
)
def command(target: str, *, network: str | None, ca: str | None, **values: Any) -> int:
    """Run the suite against your implementation.

    TARGET.toml describes it: its role, how it starts, where it answers.
    In the lab it is attacked as it would run in production, and nothing leaves.
    """
    options = SuiteOptions(**values)
    check_target(target)
    described = prepare(target)
    chosen = network_for_target(network, running=described.runs_already)
    words = ["run", target]
    for name, value in (("--network", network), ("--ca", ca)):
        words += [] if value is None else [name, value]
    role = described.role.value
    fields = job_of(options, network=chosen.name, target=target, role=role, ca=ca)
    job = msgspec.convert(fields | {"adopted": chosen.adopted}, Job)
    return run_suite(job, options, words)
