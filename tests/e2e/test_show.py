"""`show` draws what really happened, against the honest and a flawed reference."""

from __future__ import annotations

import subprocess

import pytest
from suite_support import MODULE

UNLISTED = "as/redirect-uri/unlisted-host"


def show(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, "show", *words], capture_output=True, text=True, check=False
    )


def test_the_honest_reference_refuses() -> None:
    done = show(UNLISTED)
    assert (done.returncode, done.stderr) == (0, "")
    story, _, drawn = done.stdout.partition("The honest reference\n")
    assert "One thing is changed: in the authorization request" in story
    assert "══ GET /authorize?…  authorization_request ═" in drawn
    assert "▲ changed: authorization_request redirect_uri" in drawn
    assert "◀╌ 400 ╌" in drawn
    assert "✗" not in drawn
    assert "passed  as/redirect-uri/unlisted-host" in drawn


def test_the_flawed_one_fails_where_the_browser_is_sent_away() -> None:
    done = show(UNLISTED, "--flaw", "redirect-uri-not-compared")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    failing = next(n for n, line in enumerate(lines) if "✗ here it fails" in line)
    assert "303 → evil-" in lines[failing - 1]
    assert "failed  as/redirect-uri/unlisted-host" in lines


def test_where_boxes_cannot_be_written_the_diagram_is_ascii() -> None:
    done = subprocess.run(
        [*MODULE, "show", UNLISTED],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PATH": "/usr/bin"},
        check=False,
    )
    assert done.returncode == 0
    drawn = done.stdout.partition(b"The honest reference\n")[2]
    assert drawn.isascii()
    assert b"== GET /authorize?...  authorization_request =" in drawn


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("no-such-flaw", "There is no flaw 'no-such-flaw'."),
        ("agent-iss-unchecked", "is of another role: agent-host."),
    ],
)
def test_a_flaw_that_cannot_be_met_is_refused(flaw: str, said: str) -> None:
    done = show(UNLISTED, "--flaw", flaw)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "redirect-uri-not-compared" in done.stderr


def test_a_flaw_needs_the_diagram() -> None:
    done = show(UNLISTED, "--no-diagram", "--flaw", "redirect-uri-not-compared")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr
