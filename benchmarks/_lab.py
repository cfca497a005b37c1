"""The lab: made, and gone."""

from __future__ import annotations

from pathlib import Path

from benchmarks._figures import Figure, Figures, median
from benchmarks._process import Measured, suite


def measure_lab(trees: list[Path], runs: int) -> Figures:
    """Make a lab, run a shell inside that ends with its input, and take it down."""
    done: list[list[Measured]] = [[] for _ in trees]
    for _ in range(runs):
        for tree, found in zip(trees, done, strict=True):
            words = ("lab", "--", "sh", "-c", "echo up; read end")
            found.append(suite(*words, mark=_is_up, ok=(0, 1), tree=tree))
    up = [median(one.marked for one in found) for found in done]
    down = [median(one.wall - (one.marked or 0.0) for one in found) for found in done]
    both = [made + gone for made, gone in zip(up, down, strict=True)]
    return [
        _figure("lab: command to shell inside", up),
        _figure("lab: shell's end to all gone", down),
        _figure("lab, made and gone", both, "< 0.5 s"),
    ]


def _is_up(line: bytes) -> bool:
    return line == b"up\n"


def _figure(what: str, values: list[float], aim: str = "") -> Figure:
    return Figure(what, values[0], "s", values[1] if len(values) > 1 else None, aim)
