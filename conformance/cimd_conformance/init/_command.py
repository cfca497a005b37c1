"""`init`, outside: run the job, show progress, write the file, say what comes next."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from cimd_conformance.init._render import render
from cimd_conformance.model import (
    FAILED_TRY,
    ConfigError,
    ExitCode,
    HarnessError,
    InitProgress,
    Job,
    RunFinished,
    TargetDescribed,
    TargetError,
    TargetOutput,
)
from cimd_conformance.outer import InnerProcess, StopSignals
from cimd_conformance.target import load_target

Show = Callable[[str], None]
"""Writes one line for the person who waits."""


def run_init(job: Job, command: list[str], show: Show, *, verbose: bool) -> int:
    """Describe a target; write the file that the job names; return the exit code.

    A target that does not work yet is no error: the file says what is missing. Raises
    `ConfigError` for what the user has to change first.
    """
    assert job.init is not None, "the job is one of `init`"
    described: TargetDescribed | None = None
    finished: RunFinished | None = None
    inner = InnerProcess(job)
    with StopSignals(inner) as signals, inner:
        for event in inner.events():
            match event:
                case InitProgress() if verbose or event.topic != FAILED_TRY:
                    first, *more = event.text.splitlines() or [""]
                    show(f"{event.topic:<9} {first}")
                    for line in more:
                        show(f"{'':<9} {line}")
                case TargetOutput() if verbose:
                    show(f"{'':<9} | {event.line}")
                case TargetDescribed():
                    described = event
                case RunFinished():
                    finished = event
                case _:
                    pass
    if described is None:
        raise _ended(finished, inner.stderr_tail(), stopped=signals.stopped)
    file = Path(job.init.file)
    _write(file, render(described, command))
    _next_steps(described, file, show)
    if signals.ctrl_c:
        return int(ExitCode.CTRL_C)
    return finished.exit_code if finished else int(ExitCode.OWN_ERROR)


def _write(file: Path, text: str) -> None:
    """Write the file, and see that it can be read; raises `ConfigError` otherwise."""
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(
            "file-not-written",
            f"{file} cannot be written: {error.strerror}.",
            "Give another file with --out.",
        ) from None
    try:
        load_target(file)
    except ConfigError as error:
        raise HarnessError("init-file", f"It was written wrong: {error}") from None


def _next_steps(described: TargetDescribed, file: Path, show: Show) -> None:
    show("")
    todos = [one for one in described.remarks if one.todo]
    for one in todos:
        where = f"{one.field}: " if one.field else ""
        show(f"to do     {where}{one.text}")
    works = len(described.works)
    counted = f"{works} legitimate flow{'' if works == 1 else 's'}"
    show(f"{file} is written: {counted} seen to work, {len(todos)} to do.")
    name = shlex.quote(str(file))
    show("next:")
    if todos:
        show(f"  mend {name}, or start `init` again with more --env and --force")
        show(f"  cimd-conformance doctor {name}")
    else:
        show(f"  cimd-conformance run {name}")


def _ended(
    finished: RunFinished | None, tail: list[str], *, stopped: bool
) -> ConfigError | TargetError | HarnessError:
    told = finished.details.get("error") if finished else None
    if stopped:
        return TargetError("stopped", "Stopped before anything was found.")
    if told and finished and finished.exit_code == int(ExitCode.USAGE):
        return ConfigError(told["code"], told["message"], told["hint"])
    message = told["message"] if told else "The inner process ended early."
    return HarnessError("init", message + "".join(f"\n  {line}" for line in tail))
