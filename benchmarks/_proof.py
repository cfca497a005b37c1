"""The whole proof, once."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks._figures import Figure, Figures
from benchmarks._process import suite


def measure_proof(trees: list[Path]) -> Figures:
    """Run it, beside that of the second tree."""
    done = [suite("prove", "--json", "-", ok=(0, 1, 4), tree=tree) for tree in trees]
    counts = [json.loads(one.output)["counts"] for one in done]
    walls = [one.wall for one in done]
    cpus = [one.cpu for one in done]
    each = [
        1000 * one.cpu / count["pairs"]
        for one, count in zip(done, counts, strict=True)
        if count["pairs"]
    ]
    return [
        _figure("proof, wall", walls, "s"),
        _figure("proof, CPU", cpus, "s"),
        _figure("  for each pair", each, "ms"),
        _figure("  flaws", [float(count["flaws"]) for count in counts], ""),
        _figure("  pairs run", [float(count["pairs"]) for count in counts], ""),
    ]


def _figure(what: str, values: list[float], unit: str) -> Figure:
    return Figure(what, values[0], unit, values[1] if len(values) > 1 else None)
