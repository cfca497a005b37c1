"""The demo: plainly, streamed, with all reports; and its exchanges alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks._exchanges import write_connections
from benchmarks._figures import Figure, Figures, median
from benchmarks._process import Measured, measure, suite

BARE = "bare HTTP"
_VERDICTS = (b'"event":"control"', b'"event":"scenario-finished"')
_FINISHED = b'"event":"scenario-finished"'


@dataclass(frozen=True, slots=True)
class Work:
    """What the demo does, and where its reports go."""

    folder: Path
    exchanges: Path
    requests: int
    connections: int


def work_of(folder: Path) -> Work:
    """Run the demo once, and write down what went over the wire."""
    lines = suite("demo", "--quiet", "--ndjson", "-").output.splitlines()
    exchanges = folder / "exchanges.json"
    found = write_connections(lines, exchanges)
    requests = sum(len(connection) for connection in found)
    return Work(folder, exchanges, requests, len(found))


def measure_demo(trees: list[Path], work: Work, runs: int) -> Figures:
    """Measure the first tree, beside the second one or beside bare HTTP."""
    kinds = [_kinds(tree, work.folder) for tree in trees]
    kinds[0]["bare"] = lambda: measure("-m", "benchmarks.bare", str(work.exchanges))
    kinds[0]["nothing"] = lambda: measure("-m", "benchmarks.bare", os.devnull)
    done = [{name: list[Measured]() for name in each} for each in kinds]
    for turn in range(runs + 1):
        for tree, commands in enumerate(kinds):
            for name, command in commands.items():
                one = command()
                if turn:  # the first one warms up
                    done[tree][name].append(one)
    return _told(done, work)


def _kinds(tree: Path, folder: Path) -> dict[str, Callable[[], Measured]]:
    return {
        "plain": lambda: suite("demo", "--quiet", tree=tree),
        "streamed": lambda: suite(
            *("demo", "--quiet", "--ndjson", "-"), mark=_is_verdict, tree=tree
        ),
        "reports": lambda: suite(
            *("demo", "--quiet", "--json", str(folder / "report.json")),
            *("--ndjson", str(folder / "run.ndjson")),
            *("--html", str(folder / "report.html")),
            *("--junit", str(folder / "report.xml")),
            tree=tree,
        ),
    }


def _is_verdict(line: bytes) -> bool:
    return any(mark in line for mark in _VERDICTS)


@dataclass(frozen=True, slots=True)
class _Medians:
    first: float
    wall: float
    cpu: float
    reports: float
    """CPU seconds that all reports add."""
    peak: float
    instances: int

    @property
    def each(self) -> float:
        """CPU milliseconds of an instance, with its share of start and controls."""
        return 1000 * self.cpu / self.instances

    @property
    def share(self) -> float:
        """What the reports add, in percent of the demo without."""
        return 100 * self.reports / self.cpu


def _medians(done: dict[str, list[Measured]]) -> _Medians:
    plain, written, streamed = done["plain"], done["reports"], done["streamed"]
    pairs = zip(plain, written, strict=True)
    return _Medians(
        median(one.marked for one in streamed),
        median(one.wall for one in plain),
        median(one.cpu for one in plain),
        median(after.cpu - before.cpu for before, after in pairs),
        max(one.peak for one in plain),
        streamed[0].output.count(_FINISHED),
    )


def _told(done: list[dict[str, list[Measured]]], work: Work) -> Figures:
    now, *others = map(_medians, done)
    then = others[0] if others else None
    bare = median(one.cpu for one in done[0]["bare"])
    empty = median(one.cpu for one in done[0]["nothing"])
    return [
        Figure("first verdict", now.first, "s", then and then.first, "< 0.5 s"),
        Figure("demo, wall", now.wall, "s", then and then.wall),
        Figure("demo, CPU", now.cpu, "s", then.cpu if then else bare, "< 2 × bare"),
        Figure(
            f"  for each of {now.instances} instances",
            now.each,
            "ms",
            then.each if then else 1000 * bare / now.instances,
        ),
        Figure("largest process", now.peak, "MiB", then and then.peak, "< 180 MiB"),
        Figure("all reports, CPU", now.reports, "s", then and then.reports),
        Figure("  of the demo", now.share, "%", then and then.share, "< 10 %"),
        Figure(f"{work.requests} exchanges, {work.connections} connections", bare, "s"),
        Figure("  of it start and imports", empty, "s"),
    ]
