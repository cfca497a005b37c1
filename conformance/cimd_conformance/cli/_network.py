"""Which network a run gets, and why."""

from __future__ import annotations

import click

from cimd_conformance.model import ConfigError


def lab_problem() -> str | None:
    """Return why this machine has no lab, or None when it has one."""
    try:
        from cimd_testbed.net.lab import lab_available  # noqa: PLC0415 - when asked
    except ImportError as error:
        return f"the lab cannot be loaded ({error})"
    return lab_available()


def require_lab() -> None:
    """Raise unless this machine has a lab."""
    problem = lab_problem()
    if problem is not None:
        raise ConfigError(
            "lab-unavailable",
            f"There is no lab on this machine: {problem.rstrip('.')}.",
            "Use `--network loopback`, or Linux with user namespaces.",
        )


def network_for_target(asked: str | None) -> str:
    """Return the network for an external target; says so when it is the small one."""
    if asked == "lab":
        require_lab()
    if asked is not None:
        return asked
    problem = lab_problem()
    if problem is None:
        return "lab"
    click.echo(
        f"network loopback, as there is no lab here: {problem.rstrip('.')}.\n"
        "Scenarios that need public addresses or names are not run.",
        err=True,
    )
    return "loopback"
