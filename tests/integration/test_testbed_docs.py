"""The Python in docs/testbed.md runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "testbed.md"
FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = FENCE.findall(PAGE.read_text("utf-8"))
TESTS = [block for block in BLOCKS if "def test_" in block]
SCRIPTS = [block for block in BLOCKS if "def test_" not in block]


def test_there_are_blocks() -> None:
    assert (len(TESTS), len(SCRIPTS)) == (2, 1)


@pytest.mark.parametrize("block", TESTS, ids=range(len(TESTS)))
def test_a_test_passes(pytester: pytest.Pytester, block: str) -> None:
    pytester.makepyfile(block)
    options = ["-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"]
    done = pytester.runpytest_subprocess(*options)
    done.assert_outcomes(passed=block.count("def test_"))


@pytest.mark.parametrize("block", SCRIPTS, ids=range(len(SCRIPTS)))
def test_a_script_runs(block: str) -> None:
    command = [sys.executable, "-W", "error", "-c", block]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'sub': 'alice'" in done.stdout
