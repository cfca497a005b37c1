"""Which network a run gets, and why."""

from __future__ import annotations

from dataclasses import dataclass

import click

from cimd_conformance.model import ConfigError


@dataclass(frozen=True, slots=True)
class Chosen:
    """A network for a run."""

    name: str
    """`lab` or `loopback`."""
    adopted: bool = False
    """Whether the network of this process is the lab, and none is made."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no lab, and what would allow one."""

    what: str
    allow: str


def lab_problem() -> Problem | None:
    """Return why no lab can be made here, or None when one can."""
    try:
        from cimd_testbed.net.lab import lab_obstacles  # noqa: PLC0415 - when asked
    except ImportError as error:
        return Problem(f"The lab cannot be loaded ({error}).", "Use Linux.")
    return next((Problem(one.what, one.allow) for one in lab_obstacles()), None)


def adoption_problem() -> Problem | None:
    """Return why this process's own network cannot be the lab, or None when it can."""
    try:
        from cimd_testbed.net.lab import adoption_obstacles  # noqa: PLC0415 - likewise
    except ImportError as error:
        return Problem(f"The lab cannot be loaded ({error}).", "Use Linux.")
    return next((Problem(one.what, one.allow) for one in adoption_obstacles()), None)


def require_lab(*, made: bool = False) -> Chosen:
    """Return the lab of this machine: made where that works, else adopted.

    Raises `ConfigError` without one; with `made`, adopting does not help.
    """
    problem = lab_problem()
    if problem is None:
        return Chosen("lab")
    if not made and adoption_problem() is None:
        return Chosen("lab", adopted=True)
    raise ConfigError("lab-unavailable", f"No lab: {problem.what}", problem.allow)


def network_for_target(asked: str | None, *, running: bool) -> Chosen:
    """Return the network for an external target; says so when it is the small one.

    A target that is `running` already is reached on loopback, or in a network that it
    shares with this process and that has no way out: the adopted lab.
    """
    if asked == "loopback":
        return Chosen("loopback")
    if running:
        return _shared(asked)
    if asked == "lab":
        return require_lab()
    problem = lab_problem()
    if problem is None or adoption_problem() is None:
        return Chosen("lab", adopted=problem is not None)
    return _loopback(f"as there is no lab here: {problem.what}")


def _shared(asked: str | None) -> Chosen:
    problem = adoption_problem()
    if problem is None:
        return Chosen("lab", adopted=True)
    if asked == "lab":
        raise ConfigError(
            "lab-not-shared",
            "A server that runs already is not in a lab that is made for this run, and "
            f"this process shares none with it: {problem.what}",
            f"Let the file start it (server.start). Or: {problem.allow}",
        )
    return _loopback(f"as the target runs already and shares no lab: {problem.what}")


def _loopback(why: str) -> Chosen:
    click.echo(
        f"network loopback, {why}\n"
        "Scenarios that need public addresses or names are not run.",
        err=True,
    )
    return Chosen("loopback")
