"""Temporary files of an inner process: in one folder, which outlives neither process.

The inner one removes its folder. When it is killed it cannot, and the outer one does:
it knows the folder by the process id.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "cimd-inner-"


@contextlib.contextmanager
def scratch() -> Iterator[None]:
    """Put what this process writes for a while into a folder of its own.

    Programs that it starts are told nothing of it.
    """
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        Path(folder).chmod(0o711)  # a target of another user has a folder inside
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def remove_scratch_of(pid: int) -> None:
    """Remove what a process that has ended left behind; what fails is let be."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{pid}-*"):
        shutil.rmtree(folder, ignore_errors=True)
