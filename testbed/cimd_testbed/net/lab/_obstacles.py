"""What keeps a machine from having a lab, and how to allow it.

`diagnose` is a pure function of facts, so that every cause can be tested anywhere;
`lab_obstacles` gathers the facts of this machine, by making a trial lab among others.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cimd_testbed.net.lab._outside import lab_argv

PROGRAMS = ("setpriv", "unshare", "mount", "env")
_PROBE_SECONDS = 10.0
_SUDO = ", or run the suite with sudo"
_SWITCHES = {
    "user.max_user_namespaces": ("0", "15000", ""),
    "kernel.unprivileged_userns_clone": ("0", "1", _SUDO),
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0", _SUDO),
}
"""Switches of the kernel: the value that forbids, one that allows, another way."""
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")

LAB_IN_A_CONTAINER = (
    "Start the container with `--network none --cap-add NET_ADMIN --dns 127.0.0.1`, so "
    "that its network becomes the lab, or with `--security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --security-opt systempaths=unconfined`, so "
    "that one can be made inside."
)


@dataclass(frozen=True, slots=True)
class LabObstacle:
    """One reason why there is no lab here."""

    code: str
    """Which one, for programs: `system`, `programs`, `switch`, `container` …"""
    what: str
    """What is missing: a full sentence."""
    allow: str
    """How it is allowed: a full sentence, with the command where there is one."""

    def __str__(self) -> str:
        return f"{self.what} {self.allow}"


@dataclass(frozen=True, slots=True)
class LabFacts:
    """What a diagnosis rests on."""

    platform: str = "linux"
    """`sys.platform`."""
    missing: tuple[str, ...] = ()
    """The programs of `PROGRAMS` that are not installed."""
    failure: str | None = None
    """What a trial lab said as it failed; None when it could be made."""
    switches: Mapping[str, str] = field(default_factory=dict)
    """Values of those sysctls that exist here."""
    container: bool = False
    """Whether this looks like the inside of a container."""


def diagnose(facts: LabFacts) -> tuple[LabObstacle, ...]:
    """Return what is in the way of a lab, the surest cause first; () for nothing."""
    return tuple(_obstacles(facts))


def _obstacles(facts: LabFacts) -> Iterator[LabObstacle]:
    if facts.platform != "linux":
        yield LabObstacle(
            "system",
            f"The lab needs Linux namespaces, and this is {facts.platform}.",
            "Run the suite and the target in a Linux container with `--network none`, "
            "whose network then is the lab; docs/lab.md has the recipe.",
        )
        return
    if facts.missing:
        named = ", ".join(f"`{name}`" for name in facts.missing)
        yield LabObstacle(
            "programs",
            f"The lab needs {named}.",
            "Install the packages util-linux, mount and coreutils.",
        )
        return
    if facts.failure is None:
        return
    found = list(_causes(facts))
    yield from found
    if not found:
        last = facts.failure.splitlines()[-1] if facts.failure else "no message"
        yield LabObstacle(
            "unknown",
            f"A trial lab could not be made ({last}).",
            "Try `unshare --user --map-root-user --net --mount --pid --fork "
            "--mount-proc true`, which has to work; as root it usually does.",
        )


def _causes(facts: LabFacts) -> Iterator[LabObstacle]:
    for name, (forbids, allows, otherwise) in _SWITCHES.items():
        if facts.switches.get(name) == forbids:
            yield LabObstacle(
                "switch",
                f"User namespaces are forbidden by {name}={forbids}.",
                f"Allow them with `sudo sysctl -w {name}={allows}`{otherwise}.",
            )
    if facts.container:
        what = "This container may not make namespaces."
        yield LabObstacle("container", what, LAB_IN_A_CONTAINER)


@cache
def lab_obstacles() -> tuple[LabObstacle, ...]:
    """Return what is in the way of a lab on this machine; () when one can be made.

    It is found by making one, which takes about 0.1 s.
    """
    return diagnose(_facts())


def lab_available() -> str | None:
    """Return None when a lab can be made here, else what is missing and the way out."""
    first = next(iter(lab_obstacles()), None)
    return None if first is None else str(first)


def _facts() -> LabFacts:
    missing = tuple(name for name in PROGRAMS if shutil.which(name) is None)
    if sys.platform != "linux" or missing:
        return LabFacts(sys.platform, missing)
    failure = _try_one()
    if failure is None:
        return LabFacts()
    switches = {name: value for name in _SWITCHES if (value := _sysctl(name))}
    container = any(Path(mark).exists() for mark in _CONTAINER_MARKS)
    return LabFacts(failure=failure, switches=switches, container=container)


def _try_one() -> str | None:
    try:
        tried = subprocess.run(  # noqa: S603 - a fixed command
            lab_argv(["mount", "-t", "tmpfs", "lab", "/proc"]),
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if tried.returncode == 0 else tried.stderr.strip()


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name.replace(".", "/")).read_text().strip()
    except OSError:
        return ""
