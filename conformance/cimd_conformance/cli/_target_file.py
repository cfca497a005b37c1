"""A target file that somebody named: is it there, and is the target installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimd_conformance.model import ConfigError

if TYPE_CHECKING:
    from cimd_conformance.target import TargetFile


def check_target(target: str) -> None:
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


def prepare(target: str) -> TargetFile:
    """Install the target where its file says how: outside the lab, with the network."""
    from cimd_conformance.target import load_target, prepare_target  # noqa: PLC0415

    file = Path(target)
    described = load_target(file)
    prepare_target(
        file, described, lambda line: click.echo(f"prepare: {line}", err=True)
    )
    return described
