"""`python -m benchmarks`: measure, and print the aims beside it. Never fails a build.

Every figure is that of whole processes, children included, and the median of several
runs; the kinds of run take turns, so that a busy machine is unfair to none. Seconds of
one machine say little about another, so each figure stands beside one that was measured
with it: the same exchanges with nothing of OAuth, or with `--against` another revision.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks._demo import BARE, measure_demo, work_of
from benchmarks._figures import Figure, Figures, NotMeasuredError, ratio, shown
from benchmarks._lab import measure_lab
from benchmarks._process import ROOT
from benchmarks._proof import measure_proof
from benchmarks._tree import checked_out


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How long things take."
    )
    parser.add_argument("--runs", type=int, default=5, help="how often (default: 5)")
    parser.add_argument("--no-prove", action="store_true", help="leave out the proof")
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="measure this revision of the repository in turns, and compare",
    )
    options = parser.parse_args()
    runs = max(1, options.runs)
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    _write(
        f"Python {platform.python_version()}, {platform.system()}, "
        f"{os.cpu_count()} processors{busy}; median of {runs} runs\n"
    )
    with tempfile.TemporaryDirectory(prefix="cimd-bench-") as name:
        folder = Path(name)
        trees = [ROOT]
        if options.against is not None:
            trees.append(checked_out(options.against, folder / "then"))
        _write(_line("", "measured", options.against or BARE, "ratio", "aim"))
        _guarded("demo", lambda: measure_demo(trees, work_of(folder), runs))
        _guarded("lab", lambda: measure_lab(trees, runs))
        if not options.no_prove:
            _guarded("proof", lambda: measure_proof(trees))
    return 0


def _guarded(what: str, action: Callable[[], Figures]) -> None:
    """Print what an action has measured, or why it has not."""
    try:
        for figure in action():
            _write(_of(figure))
    except NotMeasuredError as error:
        _write(f"{_line(what, 'not measured', '', '', '')}\n  {error}")


def _of(figure: Figure) -> str:
    beside = shown(figure.beside, figure.unit) if figure.beside is not None else ""
    measured = shown(figure.measured, figure.unit)
    return _line(figure.what, measured, beside, ratio(figure), figure.aim)


def _line(what: str, measured: str, beside: str, quotient: str, aim: str) -> str:
    return f"{what:<40} {measured:>12} {beside:>12} {quotient:>7}   {aim}".rstrip()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
