"""A wrong target file, as its author meets it: exit 2, one message, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = 'schema = 1\nname = "x"\nrole = "authorization-server"\n'


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cimd_conformance", "run", "target.toml"]
    return subprocess.run(
        [*command, "--network", "loopback", *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (HEAD + "[server\n", "target.toml:4: ", "This is not TOML"),
        (HEAD + "[server]\nisuer = 1\n", "target.toml:5: ", "isuer"),
        (HEAD.replace("-server", "-serve"), "target.toml:3: ", "authorization-serve"),
        (HEAD + '[server]\nstart = ["{x}"]\n', "target.toml:5: ", "{x}"),
        (
            HEAD + '[server]\n\nissuer = "https://as.example.com"\n',
            "target.toml:6: ",
            "not on this machine",
        ),
        (
            HEAD + '[server]\nissuer = "http://10.0.0.1:8000"\n',
            "target.toml:5: ",
            "not on this machine",
        ),
        ("\x00", "target.toml:1: ", "not TOML"),
        ("", "target.toml:1: ", "`schema`"),
    ],
)
def test_one_message_with_its_line(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    (tmp_path / "target.toml").write_text(text, "utf-8")
    done = run(tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("error[")]
    assert place in line
    assert said in line
    assert "Traceback" not in done.stderr


def test_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_bytes(b"\xff\xfe\x00")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "target.toml:1: The file is not UTF-8" in done.stderr


def test_a_wrong_scenario_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIMD_CATALOGUE", str(tmp_path / "nowhere"))
    command = [sys.executable, "-m", "cimd_conformance", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error[catalogue-missing]" in done.stderr
    assert "Traceback" not in done.stderr
