"""The live bar: what it says, and that it fits."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cimd_conformance.model import Status
from cimd_conformance.reports._console_progress import Progress


class Screen:
    """A terminal of some width, with a bar on it."""

    def __init__(self, width: int, total: int = 9) -> None:
        self.stream = io.StringIO()
        console = Console(file=self.stream, width=width, force_terminal=True)
        self.progress = Progress(console)
        self.progress.start(total)

    def lines(self) -> list[str]:
        """Return what stands on the screen now."""
        bar = self.progress._bar
        assert bar is not None
        width = bar.console.width
        shown = Console(file=io.StringIO(), width=width, color_system=None)
        with shown.capture() as capture:
            shown.print(bar.get_renderable())
        return [line.rstrip() for line in capture.get().splitlines()]


LONG = "as/assertion/issuer-audience[auth=private_key_jwt,keys=jwks_uri,alg=ES256]"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_it_is_three_lines_that_fit_whatever_there_is_to_say(width: int) -> None:
    screen = Screen(width, 10_000)
    for number in range(700):
        screen.progress.step(f"s{number}", list(Status)[number % len(Status)])
    for number in range(30):
        screen.progress.begin(f"{LONG}-{number}")
    lines = screen.lines()
    screen.progress.close()
    assert len(lines) == 3
    assert max(map(len, lines)) <= width
    assert "700/10000" in lines[0]
    assert lines[1].startswith("100 failed, 100 error")
    assert lines[2].startswith("running +29 as/assertion/")


def test_what_has_run_for_longest_is_named() -> None:
    screen = Screen(80)
    for name in ("a", "b", "c"):
        screen.progress.begin(name)
    assert screen.lines()[2] == "running +2 a"
    screen.progress.step("a", Status.PASSED)
    assert screen.lines()[1:] == ["1 passed", "running +1 b"]
    screen.progress.step("b", Status.PASSED)
    screen.progress.step("c", Status.PASSED)
    assert screen.lines()[1:] == ["3 passed", ""]
    screen.progress.close()


def test_a_status_that_gets_worse_is_counted_once() -> None:
    screen = Screen(80, 1)
    screen.progress.step("a", Status.PASSED)
    screen.progress.step("a", Status.INCONCLUSIVE)
    lines = screen.lines()
    screen.progress.close()
    assert " 1/1 " in lines[0]
    assert lines[1] == "1 inconclusive"


def test_without_a_console_it_is_nothing() -> None:
    progress = Progress(None)
    progress.start(3)
    progress.begin("a")
    progress.step("a", Status.PASSED)
    progress.close()
