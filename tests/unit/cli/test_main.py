"""The group: help, errors by blame, and what goes to which stream."""

from __future__ import annotations

import click
import pytest

from cimd_conformance import __version__
from cimd_conformance.cli import _main, cli, run_cli
from cimd_conformance.model import ConfigError, HarnessError, SuiteError, TargetError

COMMANDS = _main.LazyGroup().list_commands(click.Context(cli))


def test_the_commands_are_there() -> None:
    assert {"demo", "lab", "list", "prove", "run", "show"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself_with_examples(
    capsys: pytest.CaptureFixture[str], name: str, flag: str
) -> None:
    assert run_cli([name, flag]) == 0
    said = capsys.readouterr()
    assert f"cimd-conformance {name}" in said.out
    assert "Examples:" in said.out
    assert "--debug" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert version("cimd-conformance") == __version__


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def boom() -> None:
        raise error

    command = click.Command("list", callback=boom)
    monkeypatch.setattr(
        _main.LazyGroup, "get_command", lambda _self, _ctx, _name: command
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("c", "Wrong.", "Mend it."), 2, "error[c]: Wrong.\nhint: Mend it."),
        (TargetError("t", "Gone."), 3, "error[t]: Gone."),
        (HarnessError("h", "Ours."), 4, "error[h]: Ours."),
        (ConfigError("c", "A:\n\tb"), 2, "error[c]: A:\n  \\tb\n"),
        (ConfigError("c", "Evil \x1b[2J.", "a\nb"), 2, "Evil \\x1b[2J.\nhint: a\nhint"),
        (ValueError("odd\nsecond line"), 4, "error[internal]: ValueError: odd\nhint"),
        (ValueError(), 4, "error[internal]: ValueError: \nhint"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (click.UsageError("No."), 2, "error[usage]: No."),
    ],
)
def test_errors_end_by_blame_and_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    _raising(monkeypatch, error)
    assert run_cli(["list"]) == code
    streams = capsys.readouterr()
    assert streams.out == ""
    assert said in streams.err
    assert "Traceback" not in streams.err


@pytest.mark.parametrize("error", [ValueError("odd"), HarnessError("h", "Ours.")])
def test_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    _raising(monkeypatch, error)
    assert run_cli(["--debug", "list"]) == 4
    assert "Traceback" in capsys.readouterr().err


def test_the_base_of_the_errors_is_not_raised() -> None:
    with pytest.raises(TypeError):
        SuiteError("x", "y")
