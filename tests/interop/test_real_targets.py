"""Real products in the lab, as shipped: most scenarios get a verdict.

Where `recorded/` has a file for a product, the verdicts are those that somebody has
looked at on the wire, and no others.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cimd_conformance.model import matches
from cimd_testbed.net.lab import lab_available

TARGETS = Path(__file__).parents[2] / "examples" / "targets"
RECORDED = Path(__file__).parent / "recorded"
JUDGED = ("passed", "failed", "warned")
NEUTRAL = ("not-applicable", "not-run")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.lab,
    pytest.mark.timeout(600),
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]


@functools.cache
def run_target(file: str) -> dict[str, Any]:
    """Run the suite against an example target and return its result document."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        run = subprocess.run(
            [
                *(sys.executable, "-m", "cimd_conformance", "run"),
                *(str(TARGETS / file), "--json", str(result), "-q"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
            timeout=580,
            check=False,
        )
        assert result.exists(), run.stdout + run.stderr
        document: dict[str, Any] = json.loads(result.read_text())
    document["output"] = run.stdout + run.stderr
    return document


def names() -> list[str]:
    """Return every example target."""
    return sorted(path.parent.name for path in TARGETS.glob("*/target.toml"))


@pytest.mark.parametrize("name", names())
def test_most_applicable_scenarios_are_judged(name: str) -> None:
    document = run_target(f"{name}/target.toml")
    counts = document["counts"]
    judged = sum(counts.get(status, 0) for status in JUDGED)
    applicable = sum(count for status, count in counts.items() if status not in NEUTRAL)
    assert applicable >= 10, document["output"]
    assert counts.get("error", 0) == 0, document["output"]
    assert judged >= 0.6 * applicable, document["output"]
    assert any(control["status"] == "passed" for control in document["controls"])
    resting_on = {
        control["id"]
        for control in document["controls"]
        if control["status"] == "passed"
    }
    for scenario in document["scenarios"]:
        if scenario["status"] in JUDGED:
            assert scenario["control"] in resting_on, scenario["id"]


def recorded() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the target files that have a record, with it."""
    for path in sorted(RECORDED.glob("*.toml")):
        record = tomllib.loads(path.read_text("utf-8"))
        for file in record.pop("targets"):
            yield file, record


_ALIKE = {"sometimes": JUDGED, "not-applicable": NEUTRAL}
"""What a line may also mean: a power can be missing besides a feature."""


def as_recorded(scenario: dict[str, Any], record: dict[str, dict[str, str]]) -> bool:
    """Whether a scenario ended as the record says; what is not in it passes."""
    seen = [scenario["reason"], *(check["actual"] for check in scenario["checks"])]
    for status, lines in record.items():
        statuses = _ALIKE.get(status, (status,))
        for pattern, part in lines.items():
            if matches(scenario["id"], pattern):
                if scenario["status"] == "not-run":
                    return "not-run" in statuses
                return scenario["status"] in statuses and part in " ".join(seen)
    return scenario["status"] in ("passed", "not-run")


RECORDS = list(recorded())


@pytest.mark.parametrize(("file", "record"), RECORDS, ids=[file for file, _ in RECORDS])
def test_the_verdicts_are_those_that_were_looked_at(
    file: str, record: dict[str, dict[str, str]]
) -> None:
    scenarios = run_target(file)["scenarios"]
    new = [
        (
            each["id"],
            each["status"],
            each["reason"],
            *(c["actual"] for c in each["checks"]),
        )
        for each in scenarios
        if not as_recorded(each, record)
    ]
    assert not new, "look at these on the wire, then mend the suite or the record"
    patterns = {pattern for lines in record.values() for pattern in lines}
    ran = {one for one in patterns for each in scenarios if matches(each["id"], one)}
    assert patterns == ran, "the record speaks of what did not run"
