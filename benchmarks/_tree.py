"""Another revision of the repository, to measure it in the same run."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from benchmarks._figures import NotMeasuredError
from benchmarks._process import ROOT


def checked_out(revision: str, folder: Path) -> Path:
    """Write the files of a revision into a folder, and return it.

    Raises `NotMeasuredError` when git does not know it.
    """
    done = subprocess.run(  # noqa: S603 - git itself says what a revision is
        ["git", "archive", "--format=tar", "--end-of-options", revision],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasuredError(done.stderr.decode("utf-8", "replace").strip())
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
