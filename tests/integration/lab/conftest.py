"""Run functions of the test modules inside a lab, and skip where there is none.

The root conftest turns these skips into failures under `CIMD_REQUIRE_LAB=1`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cimd_testbed.net.lab import LabProcess, lab_available

RUNNER = Path(__file__).with_name("inside.py")
SECONDS = 60


@pytest.fixture(autouse=True)
def _lab_or_skip(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("lab"):
        reason = lab_available()
        if reason is not None:
            pytest.skip(reason)


@pytest.fixture
def inside() -> Callable[..., Any]:
    """Return `run(function, *arguments)`: runs an `async` function inside a lab.

    It gets a started `LabNetwork` and the arguments; arguments and result travel as
    JSON.
    """

    def run(function: Callable[..., Any], *arguments: Any, environ: Any = None) -> Any:
        file = sys.modules[function.__module__].__file__
        assert file is not None
        argv = [sys.executable, str(RUNNER), file, function.__name__]
        with LabProcess(
            [*argv, json.dumps(arguments)],
            environ={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            new_session=True,
        ) as lab:
            out, errors = lab.popen.communicate(timeout=SECONDS)
        assert lab.popen.returncode == 0, errors.decode()
        assert not errors, errors.decode()
        return json.loads(out)

    return run
