"""`python -m benchmarks`: measure, and print the aims beside it. Never fails a build.

Every figure is that of whole processes, children included, and the median of several
runs; the kinds of run take turns, so that a busy machine is unfair to none.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks._exchanges import Connection, write_connections
from benchmarks._process import Measured, NotMeasuredError, measure, suite

Runs = dict[str, list[Measured]]
_VERDICTS = (b'"event":"control"', b'"event":"scenario-finished"')


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How long things take."
    )
    parser.add_argument("--runs", type=int, default=5, help="how often (default: 5)")
    parser.add_argument("--no-prove", action="store_true", help="leave out the proof")
    options = parser.parse_args()
    runs = max(1, options.runs)
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    _write(
        f"Python {platform.python_version()}, {platform.system()}, "
        f"{os.cpu_count()} processors{busy}; median of {runs} runs\n"
    )
    _row("", "measured", "aim")
    with tempfile.TemporaryDirectory(prefix="cimd-bench-") as folder:
        _guarded("demo", lambda: _demo(Path(folder), runs))
    _guarded("lab", lambda: _lab(runs))
    if not options.no_prove:
        _guarded("proof", _prove)
    return 0


def _demo(folder: Path, runs: int) -> None:
    """Run the demo plainly, streamed, with reports, and its exchanges bare."""
    lines = suite("demo", "--quiet", "--ndjson", "-").output.splitlines()
    found = write_connections(lines, folder / "exchanges.json")
    commands: dict[str, Callable[[], Measured]] = {
        "plain": lambda: suite("demo", "--quiet"),
        "streamed": lambda: suite("demo", "-q", "--ndjson", "-", mark=_is_verdict),
        "reports": lambda: suite(
            *("demo", "--json", str(folder / "report.json")),
            *("--ndjson", str(folder / "run.ndjson")),
            *("--html", str(folder / "report.html")),
            *("--junit", str(folder / "report.xml")),
        ),
        "bare": lambda: measure(
            "-m", "benchmarks.bare", str(folder / "exchanges.json")
        ),
        "nothing": lambda: measure("-m", "benchmarks.bare", os.devnull),
    }
    done: Runs = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            if turn:  # the first one warms up
                done[name].append(command())
            else:
                command()
    scenarios = sum(b'"event":"scenario-finished"' in line for line in lines)
    _show_demo(done, scenarios, found)


def _is_verdict(line: bytes) -> bool:
    return any(mark in line for mark in _VERDICTS)


def _show_demo(done: Runs, scenarios: int, found: list[Connection]) -> None:
    plain, bare = done["plain"], done["bare"]
    wall, cpu = _median(one.wall for one in plain), _median(one.cpu for one in plain)
    bare_cpu = _median(one.cpu for one in bare)
    empty = _median(one.cpu for one in done["nothing"])
    first = _median(one.marked for one in done["streamed"] if one.marked)
    written = max(0.0, _median(one.cpu for one in done["reports"]) - cpu)
    _row("start to first verdict", f"{first:.2f} s", "< 0.5 s")
    _row("demo, wall", f"{wall:.2f} s", "< 1.5 s")
    _row("demo, CPU", f"{cpu:.2f} s", "")
    _row("largest process", f"{max(one.peak for one in plain):.0f} MiB", "< 120 MB")
    _row("scenarios per second", f"{scenarios / wall:.0f}", "")
    waited = max(0.0, _median(one.wall for one in done["reports"]) - wall)
    _row("all reports, share of wall", f"{100 * waited / wall:.0f} %", "< 10 %")
    _row("all reports, share of CPU", f"{100 * written / (cpu + written):.0f} %", "")
    requests = sum(len(connection) for connection in found)
    _row(
        f"{requests} exchanges, {len(found)} connections, bare",
        f"{bare_cpu:.2f} s",
        "",
    )
    _row("demo to bare, CPU", f"{cpu / bare_cpu:.2f}", "< 2")
    _row("  of bare: start and imports", f"{empty:.2f} s", "")


def _lab(runs: int) -> None:
    """Make a lab, run a shell inside that ends with its input, and take it down."""
    words = ("lab", "--", "sh", "-c", "echo up; read end")
    done = [
        suite(*words, mark=lambda line: line == b"up\n", ok=(0, 1)) for _ in range(runs)
    ]
    up = _median(one.marked for one in done if one.marked)
    down = _median(one.wall - one.marked for one in done if one.marked)
    _row("lab: command to shell inside", f"{up:.2f} s", "")
    _row("lab: shell's end to all gone", f"{down:.2f} s", "")
    _row("lab, made and gone", f"{up + down:.2f} s", "< 0.5 s")


def _prove() -> None:
    """Run the whole proof once."""
    done = suite("prove", "--json", "-", ok=(0, 1, 4))
    counts = json.loads(done.output)["counts"]
    _row("proof, wall", f"{done.wall:.1f} s", "")
    _row("proof, CPU", f"{done.cpu:.1f} s", "")
    _row("  flaws", f"{counts['flaws']}", "")
    _row("  pairs run", f"{counts['pairs']}", "")


def _guarded(what: str, action: Callable[[], None]) -> None:
    try:
        action()
    except NotMeasuredError as error:
        _row(what, "not measured", "")
        _write(f"  {error}")


def _median(values: Iterable[float | None]) -> float:
    found = [value for value in values if value is not None]
    if not found:
        raise NotMeasuredError("The line that was waited for never came.")
    return statistics.median(found)


def _row(what: str, measured: str, aim: str) -> None:
    _write(f"{what:<46} {measured:>12}   {aim}".rstrip())


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
