"""`doctor`: the preflight."""

from __future__ import annotations

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  cimd-conformance doctor
  cimd-conformance doctor target.toml
  cimd-conformance doctor target.toml --network loopback
  cimd-conformance doctor target.toml --json doctor.json

\b
Exit codes:
  0  all is fine                  3  the target does not do what the file says
  2  the file is wrong, or this   4  the suite's own error
     machine has no lab           130  Ctrl-C
"""


@click.command(epilog=_EPILOG)
@click.argument("target", metavar="[TARGET.toml]", required=False)
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
@click.option(
    "--profile",
    default="hardened",
    show_default=True,
    metavar="NAME",
    help="The text whose requirements count.",
)
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write the findings as one JSON document; `-` is stdout.",
)
def command(
    *,
    target: str | None,
    network: str | None,
    ca: str | None,
    profile: str,
    json_path: str | None,
) -> int:
    """Look at what a run needs, in the order in which things break.

    Start command, port, TLS trust, metadata, login, each legitimate flow. The first
    thing that is wrong ends it, and is told with its cause and its mend. Without
    TARGET.toml it looks at this machine only.
    """
    if target is None and (network or ca):
        raise click.UsageError("--network and --ca are about a target: name one.")
    from cimd_conformance.cli._preflight import Preflight  # noqa: PLC0415 - slow

    preflight = Preflight.start(target or "", json_path)
    if target is None:
        return preflight.machine()
    return preflight.target(Path(target), network=network, ca=ca, profile=profile)
