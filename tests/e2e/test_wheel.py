"""The wheel works away from the checkout, with its catalogue inside."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLI = ROOT / "conformance" / "cimd_conformance" / "cli"
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]

needs_cli = pytest.mark.skipif(
    not (CLI / "__init__.py").exists(), reason="the command line is not there yet"
)
needs_demo = pytest.mark.skipif(
    not (CLI / "demo.py").exists(), reason="the demo command is not there yet"
)


def run(command: list[str | Path], away: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        key: text for key, text in os.environ.items() if not key.startswith("PYTHON")
    }
    return subprocess.run(
        command, cwd=away, env=environment, capture_output=True, text=True, check=False
    )


def build_wheel(directory: Path) -> Path:
    """Build with the hatchling of this environment, else as pip does (a download)."""
    offline = importlib.util.find_spec("hatchling") is not None
    options = ["--no-deps", *(["--no-build-isolation"] if offline else [])]
    built = run([*PIP, "wheel", *options, "--wheel-dir", directory, ROOT], directory)
    if not offline and "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("hatchling is not installed, and cannot be downloaded")
    assert built.returncode == 0, built.stderr
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with an environment `venv` that has the wheel installed.

    The dependencies come from this environment by a path entry; its own .pth files,
    and with them the editable checkout, are not read through one.
    """
    directory = tmp_path_factory.mktemp("away")
    wheel = build_wheel(directory)
    venv.create(directory / "venv", with_pip=False, symlinks=True)
    python = directory / "venv" / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run([python, "-c", asked], directory).stdout.strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    options = ["install", "--no-deps", "--no-index", wheel]
    installed = run([*PIP, "--python", python, *options], directory)
    assert installed.returncode == 0, installed.stderr
    return directory


def test_everything_is_inside(away: Path) -> None:
    names = "cimd_certs, cimd_testbed, cimd_conformance"
    code = f"import {names}; [print(m.__file__) for m in ({names})]"
    files = run([away / "venv" / "bin" / "python", "-c", code], away).stdout.split()
    assert len(files) == 3
    for file in files:
        assert Path(file).is_relative_to(away)
        assert Path(file).with_name("py.typed").exists()
    catalogue = Path(files[2]).with_name("_catalogue")
    shipped = {file.relative_to(catalogue) for file in catalogue.rglob("*.*")}
    written = (ROOT / "scenarios").rglob("*.*")
    assert shipped == {file.relative_to(ROOT / "scenarios") for file in written}


@needs_cli
def test_the_command_explains_itself(away: Path) -> None:
    answer = run([away / "venv" / "bin" / "cimd-conformance", "--help"], away)
    assert answer.returncode == 0, answer.stderr
    assert "certs" in answer.stdout


@needs_cli
@needs_demo
def test_the_demo_gives_a_verdict(away: Path) -> None:
    python = away / "venv" / "bin" / "python"
    reports = ["--json", "-", "--html", "report.html"]
    answer = run([python, "-m", "cimd_conformance", "demo", *reports], away)
    assert answer.returncode == 0, answer.stderr
    assert isinstance(json.loads(answer.stdout), dict)
    assert (away / "report.html").read_text("utf-8").startswith("<!doctype html>")
