"""The group of commands, and how every error ends: a line, a hint, an exit code."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cimd_conformance import __version__
from cimd_conformance.model import ExitCode, SuiteError

PROGRAM = "cimd-conformance"

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 80}
_EPILOG = f"""\b
Examples:
  {PROGRAM} demo
  {PROGRAM} run target.toml --json report.json
  {PROGRAM} list --role authorization-server
  {PROGRAM} show as/redirect-uri/unlisted-host

\b
Exit codes:
  0  conformant                    3  inconclusive, or interrupted
  1  a check failed                4  the suite's own error
  2  wrong usage or configuration  5  nothing ran
  130  Ctrl-C
"""


def _set_debug(context: click.Context, _parameter: click.Parameter, on: bool) -> None:
    if on:
        context.find_root().meta[_DEBUG] = True


_DEBUG = "cimd_conformance.debug"


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_debug,
        help="Show tracebacks, and the whole output of the inner process.",
    )


def debugging() -> bool:
    """Whether `--debug` is given, before or after the name of the command."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.find_root().meta.get(_DEBUG))


class LazyGroup(click.Group):
    """Each module of this package without a leading underscore is a command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        modules = Path(__file__).parent.glob("[!_]*.py")
        return sorted(module.stem.replace("_", "-") for module in modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"cimd_conformance.cli.{name}")
        command: click.Command = module.command
        command.name = cmd_name
        if not any("--debug" in each.opts for each in command.params):
            command.params.append(_debug_option())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one, suggest what is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib  # noqa: PLC0415 - only when something is wrong

            near = difflib.get_close_matches(args[0], self.list_commands(ctx))
            if not near or args[0].startswith("-"):
                raise
            message = f"There is no command {args[0]!r}. Did you mean {near[0]!r}?"
            raise click.UsageError(message, ctx) from error


@click.group(
    cls=LazyGroup,
    context_settings=_CONTEXT,
    epilog=_EPILOG,
    params=[_debug_option()],
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Conformance and attack suite for OAuth Client ID Metadata Documents and MCP."""


def run_cli(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, never raise."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    _tolerate_narrow_streams()
    try:
        result: Any = cli.main(arguments, PROGRAM, standalone_mode=False)
        code = int(result or 0)
    except (BrokenPipeError, SystemExit):
        # The latter is how click answers a closed pipe (and a shell's completion).
        code = int(ExitCode.CONFORMANT)
    except (click.Abort, KeyboardInterrupt):
        code = int(ExitCode.CTRL_C)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        code = _end(error, debug="--debug" in _before_double_dash(arguments))
    _flush_stdout()
    return code


def _end(error: Exception, *, debug: bool) -> int:
    """Say what went wrong, and return the exit code that says who is to blame."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return int(ExitCode.USAGE)
        case click.ClickException():
            return _usage(error)
        case _:
            pass
    if debug:
        traceback.print_exception(error)
    if isinstance(error, SuiteError):
        complain(error.code, error.message, error.hint)
        return int(error.exit_code)
    return _own_error(error)


def complain(code: str, message: str, hint: str = "") -> None:
    """Write an error to stderr: what it is called, what is wrong, what to do."""
    from cimd_conformance.reports.text import visible  # noqa: PLC0415 - errors only

    with contextlib.suppress(OSError):
        first, *more = message.splitlines() or [""]
        click.echo(f"error[{code}]: {visible(first)}", err=True)
        for line in more:
            click.echo(f"  {visible(line)}", err=True)
        for line in hint.splitlines():
            click.echo(f"hint: {visible(line)}", err=True)


def _usage(error: click.ClickException) -> int:
    path = PROGRAM
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
    complain("usage", error.format_message(), f"`{path} --help` explains the usage.")
    return int(ExitCode.USAGE)


def _own_error(error: Exception) -> int:
    said = str(error).splitlines() or [""]
    hint = "This is a bug in the suite. --debug shows where; please report it."
    complain("internal", f"{type(error).__name__}: {said[0]}", hint)
    return int(ExitCode.OWN_ERROR)


def _before_double_dash(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _tolerate_narrow_streams() -> None:
    """Write `?` for what a terminal has no character for, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _flush_stdout() -> None:
    """Flush; when nobody reads, point stdout elsewhere, as Python flushes once more."""
    try:
        sys.stdout.flush()
    except ValueError:
        return
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
