"""Real products in the lab, as shipped: most scenarios get a verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cimd_testbed.net.lab import lab_available

TARGETS = Path(__file__).parents[2] / "examples" / "targets"
JUDGED = ("passed", "failed", "warned")
NEUTRAL = ("not-applicable", "not-run")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.lab,
    pytest.mark.timeout(600),
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]


def run_target(name: str, tmp_path: Path) -> dict[str, Any]:
    """Run the suite against an example target and return its result document."""
    result = tmp_path / "result.json"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "cimd_conformance", "run"),
            *(str(TARGETS / name / "target.toml"), "--json", str(result), "-q"),
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
def test_most_applicable_scenarios_are_judged(name: str, tmp_path: Path) -> None:
    document = run_target(name, tmp_path)
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
