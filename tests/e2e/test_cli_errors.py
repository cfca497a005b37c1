"""What a person meets who gets the command line wrong: real processes, real codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODULE = [sys.executable, "-m", "cimd_conformance"]


def _run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "--jsno", "x"], "--json"),
        (["demmo"], "Did you mean 'demo'?"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run"], "Missing argument 'TARGET.toml'"),
        (["run", "no-such.toml"], "error[target-not-found]"),
        (["run", "."], "is a folder"),
        (
            ["demo", "--json", "no/such/folder/report.json"],
            "error[report-not-writable]",
        ),
        (["demo", "--network", "moon"], "error[usage]"),
        (["demo", "--profile", "no-such-profile"], "error[unknown-profile]"),
        (["show", "no/such/scenario"], "error[unknown-id]"),
        (["lab"], "error[usage]"),
    ],
)
def test_wrong_usage_is_2_with_a_hint(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_arguments_show_the_help() -> None:
    done = _run()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_an_empty_selection_is_5(tmp_path: Path) -> None:
    done = _run("demo", "--only", "no/such/scenario", cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    assert "nothing-ran" in done.stdout


def test_a_file_in_the_folder_of_the_target_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('hijacked')")
    script = Path(sys.executable).parent / "cimd-conformance"
    done = subprocess.run(
        [str(script), "demo", "--only", "no/such/scenario"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert "hijacked" not in done.stdout + done.stderr
    assert done.returncode == 5


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [*MODULE, "list", "--json", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    stderr = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert (process.returncode, stderr) == (0, b"")
