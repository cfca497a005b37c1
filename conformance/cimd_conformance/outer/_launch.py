"""With which command line the inner process starts."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from cimd_conformance.model import Job


def inner_argv(job: Job, events_fd: int) -> list[str]:
    """Return the command of the inner process for a job.

    `-P`: a `click.py` in the folder of somebody's target is not ours to import.
    """
    argv = [sys.executable, "-P", "-m", "cimd_conformance.engine"]
    argv += ["--events-fd", str(events_fd)]
    if job.network != "lab":
        return argv
    from cimd_testbed.net.lab import lab_argv  # noqa: PLC0415 - only the lab needs it

    return lab_argv(argv)


def placed(job: Job) -> Job:
    """Tell a job for the lab which namespace is outside, so that it can verify."""
    if job.network != "lab" or job.outside:
        return job
    try:
        outside = str(Path("/proc/self/ns/net").readlink())
    except OSError:
        outside = ""
    return msgspec.structs.replace(job, outside=outside)
