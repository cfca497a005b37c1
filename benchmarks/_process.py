"""One whole process, measured from outside: what a user waits and pays for."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks._figures import NotMeasuredError

ROOT = Path(__file__).parents[1]
_COMPILED = tempfile.TemporaryDirectory(prefix="cimd-bench-pyc-")
_ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPYCACHEPREFIX": _COMPILED.name,
}
"""Modules are compiled once, as for a user, whatever this shell says; in a folder of
their own."""
_KIB_PER_UNIT = 1 / 1024 if sys.platform == "darwin" else 1.0
"""Linux counts the peak in KiB, macOS in bytes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds, CPU seconds with all children, the largest process in MiB."""

    wall: float
    cpu: float
    peak: float
    marked: float | None
    """Seconds until the first line that was waited for."""
    output: bytes


def measure(
    *arguments: str,
    mark: Callable[[bytes], bool] | None = None,
    ok: tuple[int, ...] = (0,),
    tree: Path = ROOT,
) -> Measured:
    """Run `python ARGUMENTS` to its end; `mark` says which line of stdout to time.

    The modules are those of `tree`, and so is the catalogue.

    When that line has come, stdin is closed. Raises `NotMeasuredError` for an exit
    code that is not `ok`.
    """
    marked: float | None = None
    lines: list[bytes] = []
    begun = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *arguments],
        cwd=tree,
        env=_ENVIRONMENT | _modules_of(tree),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        lines.append(line)
        if marked is None and mark is not None and mark(line):
            marked = time.monotonic() - begun
            process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    said = process.stderr.read().decode("utf-8", "replace")
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    if process.returncode not in ok:
        first = next(iter(said.splitlines()), f"exit code {process.returncode}")
        raise NotMeasuredError(first)
    return Measured(
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * _KIB_PER_UNIT / 1024,
        marked,
        b"".join(lines),
    )


def suite(
    *arguments: str,
    mark: Callable[[bytes], bool] | None = None,
    ok: tuple[int, ...] = (0,),
    tree: Path = ROOT,
) -> Measured:
    """Run the command line of the suite."""
    words = ("-m", "cimd_conformance", *arguments)
    return measure(*words, mark=mark, ok=ok, tree=tree)


def _modules_of(tree: Path) -> dict[str, str]:
    """Return what makes Python take the modules and the catalogue of a tree."""
    packages = (tree, *(tree / name for name in ("conformance", "testbed", "certs")))
    return {
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
        "CIMD_CATALOGUE": str(tree / "scenarios"),
    }
