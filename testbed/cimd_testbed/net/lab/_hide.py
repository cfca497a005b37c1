"""What of the host's sockets is hidden: whole directories, all of `/run`, single files.

A mask over a single socket goes when its daemon binds the socket again: the host
removes the file, and with it the mount. So the lab has a `/run` of its own, in which
the host's directories show up only when they hold no socket.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cimd_testbed.net.lab._masks import MASKED_DIRECTORIES, RUN, holds_socket
from cimd_testbed.net.lab._mount import bind, bind_all


def hide(directory: Path, sockets: Iterable[Path]) -> None:
    """Hide sockets; `directory` is the lab's, in memory.

    Raises `OSError` when a mount fails.
    """
    for index, run in enumerate(RUN):
        if run.is_dir() and not run.is_symlink():
            bind_all(_own_run(directory / f"run-{index}", run), run)
    for index, place in enumerate(MASKED_DIRECTORIES):
        below_run = any(place.is_relative_to(run) for run in RUN)
        if place.is_dir() and not below_run:
            empty = directory / f"empty-{index}"
            empty.mkdir()
            empty.chmod(0o1777)
            bind(empty, place)
    nothing = directory / "masked"
    nothing.touch(mode=0o444)
    for path in sockets:
        if path.is_socket():  # not hidden by what was done above
            bind(nothing, path)


def _own_run(own: Path, run: Path) -> Path:
    """Make a directory that shows what is harmless of the host's `run`."""
    own.mkdir()
    own.chmod(0o755)
    for entry in sorted(run.iterdir()):
        mine = own / entry.name
        if entry.is_symlink():
            mine.symlink_to(os.readlink(entry))  # noqa: PTH115 - as text
        elif entry.is_dir():
            mine.mkdir()
            if _is_harmless(entry):
                bind_all(entry, mine)
            else:
                mine.chmod(0o1777)
        elif entry.is_file():
            mine.touch()
            bind(entry, mine)
    return own


def _is_harmless(directory: Path) -> bool:
    """Whether a directory holds no socket; or we live in it, and must see it."""
    used = (sys.prefix, sys.executable, tempfile.gettempdir(), Path.cwd())
    if any(Path(path).is_relative_to(directory) for path in used):
        return True
    return directory not in MASKED_DIRECTORIES and not holds_socket(directory)
