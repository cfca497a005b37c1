"""How the inner process starts: plainly, or as the first program of a lab."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from cimd_conformance.model import Job

if TYPE_CHECKING:
    from cimd_testbed.net.lab import LabProcess


def inner_argv(job: Job, events_fd: int) -> list[str]:
    """Return the command of the inner process for a job.

    `-P`: a `click.py` in the folder of somebody's target is not ours to import.
    """
    del job
    argv = [sys.executable, "-P", "-m", "cimd_conformance.inner"]
    return [*argv, "--events-fd", str(events_fd)]


def start_plain(argv: list[str], events_fd: int) -> subprocess.Popen[bytes]:
    """Start a command with a control pipe, in a session of its own."""
    return subprocess.Popen(  # noqa: S603 - our own program
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(events_fd,),
        start_new_session=True,
    )


def start_in_lab(argv: list[str], events_fd: int) -> LabProcess:
    """Start a command in the same way, inside a fresh lab."""
    from cimd_testbed.net.lab import LabProcess  # noqa: PLC0415 - only when asked

    return LabProcess(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(events_fd,),
        new_session=True,
    )
