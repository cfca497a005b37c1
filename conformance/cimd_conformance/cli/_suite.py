"""What `demo` and `run` share: make the job and the writers, run, say what is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cimd_conformance.cli._main import PROGRAM, debugging
from cimd_conformance.cli._options import SuiteOptions
from cimd_conformance.model import ExitCode, Job
from cimd_conformance.outer import RunEnd, run_job

if TYPE_CHECKING:
    from cimd_conformance.reports import Writer


def run_suite(job: Job, options: SuiteOptions, command: Sequence[str]) -> int:
    """Run the job, write the reports, and return the exit code.

    `command` is how the caller was started, for the line that replays a failure.
    """
    end = run_job(job, lambda: _writers(options, _replay(command, options)))
    show_inner_output(end)
    if end.finished.exit_code == ExitCode.CTRL_C:
        return int(ExitCode.CTRL_C)
    if end.error is not None:
        raise end.error
    return end.finished.exit_code


def job_of(options: SuiteOptions, **more: str | None) -> dict[str, object]:
    """Return the fields of a job that the shared options fill."""
    return {
        "profile": options.profile,
        "seed": options.seed,
        "strict": options.strict,
        "jobs": options.jobs,
        "only": list(options.only),
        "skip": list(options.skip),
        **more,
    }


def _writers(options: SuiteOptions, replay: str) -> list[Writer]:
    """Make the writers; runs while the inner process starts."""
    from cimd_conformance.reports.console import ConsoleWriter, Volume  # noqa: PLC0415
    from cimd_conformance.reports.document import JsonWriter  # noqa: PLC0415
    from cimd_conformance.reports.ndjson import NdjsonWriter  # noqa: PLC0415

    volume = Volume.NORMAL
    if options.quiet or options.verbose:
        volume = Volume.QUIET if options.quiet else Volume.VERBOSE
    writers: list[Writer] = []
    if options.ndjson_path is not None:
        writers.append(NdjsonWriter(options.ndjson_path))
    if options.json_path is not None:
        writers.append(JsonWriter(options.json_path, everything=options.verbose))
    if options.html_path is not None:
        from cimd_conformance.reports.html import HtmlWriter  # noqa: PLC0415

        writers.append(HtmlWriter(options.html_path, replay=replay))
    if options.junit_path is not None:
        from cimd_conformance.reports.junit import JunitWriter  # noqa: PLC0415

        writers.append(JunitWriter(options.junit_path, replay=replay))
    console = ConsoleWriter.for_terminal(
        stderr=options.stdout_taken, volume=volume, replay=_by_result(options) or replay
    )
    return [*writers, console]


def _replay(command: Sequence[str], options: SuiteOptions) -> str:
    """Return the command that runs the same again; `--only ID` is added to it."""
    words = [PROGRAM, *command, "--seed", str(options.seed)]
    if options.profile != "hardened":
        words += ["--profile", options.profile]
    if options.strict:
        words.append("--strict")
    return shlex.join(words)


def _by_result(options: SuiteOptions) -> str:
    """Return the command that replays from a result, when one is written to a file."""
    for path in (options.json_path, options.ndjson_path):
        if path not in (None, "-"):
            return f"{PROGRAM} replay {{id}} {shlex.quote(str(path))}"
    return ""


def show_inner_output(end: RunEnd) -> None:
    """Show what the inner process said when our own error ended the run."""
    if end.finished.exit_code != ExitCode.OWN_ERROR or not end.inner_output:
        return
    from cimd_conformance.reports.text import visible  # noqa: PLC0415 - errors only

    lines = end.inner_output if debugging() else end.inner_output[-1:]
    for line in lines:
        click.echo(f"inner: {visible(line)}", err=True)
