"""`run`: the suite against a target of yours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cimd_conformance.cli._network import network_for_target
from cimd_conformance.cli._options import SuiteOptions, suite_options
from cimd_conformance.cli._suite import job_of, run_suite
from cimd_conformance.model import ConfigError, Job

if TYPE_CHECKING:
    from cimd_conformance.target import TargetFile

_EPILOG = """\b
Examples:
  cimd-conformance run target.toml
  cimd-conformance run target.toml --profile mcp-2025-11-25 --strict
  cimd-conformance run target.toml --only 'as/fetch/*' --ndjson run.ndjson
"""


@click.command(epilog=_EPILOG)
@click.argument("target", metavar="TARGET.toml")
@suite_options
@click.option(
    "--network",
    type=click.Choice(["lab", "loopback"]),
    help="Where names and addresses come from; the lab where there is one.",
)
def command(target: str, *, network: str | None, **values: Any) -> int:
    """Run the suite against your implementation.

    TARGET.toml describes it: its role, how it starts, where it answers.
    In the lab it is attacked as it would run in production, and nothing leaves.
    """
    options = SuiteOptions(**values)
    _check_target(target)
    chosen = network_for_target(network)
    described = _prepare(target)
    words = ["run", target]
    if network is not None:
        words += ["--network", network]
    role = described.role.value
    fields = job_of(options, network=chosen, target=target, role=role)
    return run_suite(msgspec.convert(fields, Job), options, words)


def _prepare(target: str) -> TargetFile:
    """Install the target where its file says how: outside the lab, with the network."""
    from cimd_conformance.target import load_target, prepare_target  # noqa: PLC0415

    file = Path(target)
    described = load_target(file)
    prepare_target(
        file, described, lambda line: click.echo(f"prepare: {line}", err=True)
    )
    return described


def _check_target(target: str) -> None:
    """Refuse early what the inner process could not open."""
    path = Path(target)
    if path.is_file():
        return
    problem = "is a folder" if path.is_dir() else "does not exist"
    raise ConfigError(
        "target-not-found",
        f"The target file {target!r} {problem}.",
        "Give the path of a target.toml; `cimd-conformance demo` needs none.",
    )
