"""`replay`: one scenario of a result again, with everything on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cimd_conformance import __version__
from cimd_conformance.cli._network import network_for_target
from cimd_conformance.cli._select import unknown_id
from cimd_conformance.cli._target_file import prepare
from cimd_conformance.model import ConfigError, ExitCode, Job, Status

if TYPE_CHECKING:
    from cimd_conformance.reports import Report
    from cimd_conformance.reports.result import ResultDocument, ScenarioEntry

_EPILOG = """\b
Examples:
  cimd-conformance demo --flaw redirect-uri-not-compared --json report.json
  cimd-conformance replay as/redirect-uri/unlisted-host report.json
  cimd-conformance replay as/pkce/missing report.json --keep-open
"""


@click.command(epilog=_EPILOG)
@click.argument("scenario_id", metavar="ID")
@click.argument("result", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "--keep-open",
    is_flag=True,
    help="Leave the target and the parties up until Ctrl-C, and say where they are.",
)
@click.option(
    "--target",
    metavar="TARGET.toml",
    help="The target file, where it is not any more where it was.",
)
@click.option("--ca", metavar="DIR", help="The CA of the run, where it had one.")
def command(
    scenario_id: str,
    result: Path,
    *,
    keep_open: bool,
    target: str | None,
    ca: str | None,
) -> int:
    """Run one scenario of a result again, and show every message.

    RESULT is a file that --json or --ndjson has written: the same target, network,
    profile, strictness, seed and flaw are used. Ends with the exit code of the new run.
    """
    from cimd_conformance.reports.result import read_result  # noqa: PLC0415 - slow

    if not result.exists() and Path(scenario_id).is_file():
        raise click.UsageError("The ID comes first, then the file.")
    recorded = read_result(result)
    entry = _entry(recorded, scenario_id)
    job = _job(recorded, entry, _target(recorded, target, result), keep_open=keep_open)
    running = job.target is not None and prepare(job.target).runs_already
    adopted = False
    if job.network == "lab":
        adopted = network_for_target("lab", running=running).adopted
    job = msgspec.structs.replace(job, adopted=adopted, ca=ca)
    return _replay(job, recorded, entry)


def _entry(recorded: ResultDocument, scenario_id: str) -> ScenarioEntry:
    """Return the one instance that an id means."""
    scenarios = recorded.scenarios
    found = [each for each in scenarios if each.id == scenario_id]
    found = found or [e for e in scenarios if e.id.partition("[")[0] == scenario_id]
    if len(found) == 1:
        return found[0]
    if not found:
        raise unknown_id(
            scenario_id,
            (each.id for each in scenarios),
            where="in the result",
        )
    ids = [f"  {each.status.value:<14} {each.id}" for each in found]
    raise ConfigError(
        "several-instances",
        f"{scenario_id!r} has {len(found)} instances in the result.",
        "\n".join(["Give one of them:", *ids]),
    )


def _target(recorded: ResultDocument, asked: str | None, result: Path) -> str | None:
    """Return the target file: as it was named, or beside the result."""
    named = asked or recorded.target_file
    if named is None:
        if recorded.network != "embedded" and recorded.target != "embedded reference":
            raise ConfigError(
                "target-not-recorded",
                f"The result does not say which file {recorded.target!r} came from.",
                "Give it: `--target target.toml`.",
            )
        return None
    for path in (Path(named), result.parent / named):
        if path.is_file():
            return str(path)
    raise ConfigError(
        "target-not-found",
        f"The target file {named!r} is not here, nor beside the result.",
        "Say where it is now: `--target target.toml`.",
    )


def _job(
    recorded: ResultDocument,
    entry: ScenarioEntry,
    target: str | None,
    *,
    keep_open: bool,
) -> Job:
    return Job(
        target=target,
        network=recorded.network,
        role=entry.role,
        profile=recorded.profile,
        seed=recorded.seed,
        strict=recorded.strict,
        flaw=recorded.flaw,
        only=[entry.id],
        keep_open=keep_open,
    )


def _replay(job: Job, recorded: ResultDocument, entry: ScenarioEntry) -> int:
    """Run the job with a transcript, and compare how it ended."""
    from cimd_conformance.outer import run_job  # noqa: PLC0415 - slow
    from cimd_conformance.reports.transcript import (  # noqa: PLC0415 - imports rich
        TranscriptWriter,
    )

    click.echo(_headline(job, recorded))
    writer = TranscriptWriter(entry.id)
    end = run_job(job, lambda: [writer])
    if end.finished.exit_code == ExitCode.CTRL_C:
        return int(ExitCode.CTRL_C)
    if end.error is not None:
        raise end.error
    click.echo(_compared(writer.report, entry))
    return end.finished.exit_code


def _headline(job: Job, recorded: ResultDocument) -> str:
    words = [job.target or "the bundled reference"]
    if job.flaw is not None:
        words.append(f"flaw {job.flaw}")
    words += [f"network {job.network}", f"profile {job.profile}", f"seed {job.seed}"]
    words += ["strict"] if job.strict else []
    text = ", ".join(words)
    if recorded.version != __version__:
        text += f"\nThe result is of version {recorded.version}, this is {__version__}."
    return text


def _compared(report: Report, entry: ScenarioEntry) -> str:
    """Say whether it ended as it did in the result."""
    again = report.scenarios.get(entry.id)
    now = Status.NOT_RUN if again is None else again.status
    if now is not entry.status:
        return f"\n{entry.status.value} then, {now.value} now: it is not the same."
    then_got = {(c.requirement, c.status) for c in entry.checks}
    now_got = {(c.requirement, c.status) for c in again.checks} if again else set()
    if then_got != now_got:
        return f"\n{now.value} then and now, but by other checks."
    return f"\n{now.value} then, {now.value} now."
