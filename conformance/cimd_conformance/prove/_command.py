"""The proof, outside: judge what the inner process found, print it, keep the file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cimd_conformance.catalogue import catalogue_dir, load_catalogue, select_instances
from cimd_conformance.engine import roles_of
from cimd_conformance.model import (
    ConfigError,
    ExitCode,
    FlawTried,
    HarnessError,
    Job,
    RunFinished,
    Status,
)
from cimd_conformance.outer import InnerProcess, StopSignals
from cimd_conformance.prove._matrix import (
    DETECTED,
    Matrix,
    differences,
    read_collateral,
    write_collateral,
)

HONEST = "(honest)"


def collateral_file() -> Path:
    """Return where the reviewed collateral is."""
    return catalogue_dir() / "_proof" / "collateral.json"


def prove_command_main(
    *,
    update: bool,
    full: bool,
    json_path: str | None,
    seed: int,
    flaws: tuple[str, ...],
    only: tuple[str, ...],
    network: str,
) -> int:
    """Run the proof; return 0 without a hole, 1 with one, 4 for our own error."""
    job = Job(
        kind="prove",
        seed=seed,
        flaws=list(flaws),
        only=list(only),
        network=network,
        full=full,
    )
    honest, matrix, seconds = _collect(job)
    problems = {
        "honest": _dishonest(honest),
        "holes": matrix.holes(list(matrix.tried) + _missing(matrix, flaws)),
        "errors": matrix.errors(),
        "collateral": [],
    }
    if not only:
        problems["collateral"] = _collateral(matrix, update=update, part=bool(flaws))
    code = _exit_code(problems)
    document = _document(job, matrix, problems, seconds, code)
    _print(document, problems, json_path)
    return int(code)


def _collateral(matrix: Matrix, *, update: bool, part: bool) -> list[str]:
    """Compare with the reviewed file, or write it anew."""
    file, now = collateral_file(), matrix.collateral()
    reviewed = read_collateral(file)
    if update:
        kept = reviewed if part else {}
        write_collateral(file, dict(sorted((kept | now).items())))
        return []
    return differences(reviewed, now, matrix.tried)


def _collect(job: Job) -> tuple[dict[str, Status], Matrix, float]:
    instances = load_catalogue().instances
    matrix = Matrix(select_instances(instances, roles_of(job.role), job.only, job.skip))
    honest: dict[str, Status] = {}
    finished: RunFinished | None = None
    inner = InnerProcess(job)
    with StopSignals(inner), inner:
        for event in inner.events():
            if isinstance(event, FlawTried) and event.flaw == HONEST:
                honest = event.statuses
            elif isinstance(event, FlawTried):
                matrix.tried[event.flaw] = event
                if sys.stderr.isatty():
                    print(f"\r{len(matrix.tried)} flaws tried", end="", file=sys.stderr)  # noqa: T201
            elif isinstance(event, RunFinished):
                finished = event
        if finished is None or finished.exit_code:
            _fail(finished, inner.stderr_tail())
    return honest, matrix, finished.seconds if finished else 0.0


def _fail(finished: RunFinished | None, tail: list[str]) -> None:
    told = finished.details.get("error") if finished else None
    if told and finished and finished.exit_code == int(ExitCode.USAGE):
        raise ConfigError(told["code"], told["message"], told["hint"])
    message = told["message"] if told else "The inner process ended early."
    raise HarnessError("prove", message + "".join(f"\n  {line}" for line in tail))


def _missing(matrix: Matrix, flaws: tuple[str, ...]) -> list[str]:
    """Return flaws that scenarios name and that do not exist."""
    if flaws:
        return []
    named = {flaw for i in matrix.instances for flaw in i.scenario.flaws}
    return sorted(named - set(matrix.tried))


def _dishonest(honest: dict[str, Status]) -> list[str]:
    return [
        f"{name} is {status.value} on the honest reference."
        for name, status in honest.items()
        if status is not Status.PASSED
    ]


def _exit_code(problems: dict[str, list[str]]) -> ExitCode:
    if problems["errors"]:
        return ExitCode.OWN_ERROR
    return ExitCode.FAILED if any(problems.values()) else ExitCode.CONFORMANT


def _document(
    job: Job,
    matrix: Matrix,
    problems: dict[str, list[str]],
    seconds: float,
    code: ExitCode,
) -> dict[str, Any]:
    return {
        "schema": 1,
        "verdict": "proven" if code is ExitCode.CONFORMANT else "not-proven",
        "exit_code": int(code),
        "seed": job.seed,
        "network": job.network,
        "full": job.full,
        "seconds": round(seconds, 3),
        "counts": {
            "instances": len(matrix.instances),
            "flaws": len(matrix.tried),
            "pairs": sum(len(t.statuses) for t in matrix.tried.values()),
            "detections": sum(
                status in DETECTED
                for t in matrix.tried.values()
                for status in t.statuses.values()
            ),
            **{name: len(found) for name, found in problems.items()},
        },
        "problems": problems,
        "flaws": [
            {
                "id": flaw,
                "check": tried.check,
                "title": tried.title,
                "victims": sorted(matrix.victims(flaw)),
            }
            for flaw, tried in sorted(matrix.tried.items())
        ],
    }


def _print(
    document: dict[str, Any], problems: dict[str, list[str]], json_path: str | None
) -> None:
    out = sys.stderr if json_path == "-" else sys.stdout
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)  # noqa: T201
    for kind, found in problems.items():
        if found:
            print(f"{kind} ({len(found)})", file=out)
            for text in found:
                print(f"  {text}", file=out)
    counts = document["counts"]
    print(
        f"{document['verdict']}: {counts['flaws']} flaws, {counts['instances']} "
        f"instances, {counts['pairs']} pairs run, {counts['detections']} failed as "
        f"they should, {document['seconds']:.1f} s",
        file=out,
    )
    text = json.dumps(document, indent=1, ensure_ascii=False)
    if json_path == "-":
        print(text)  # noqa: T201
    elif json_path:
        Path(json_path).write_text(text + "\n", "utf-8")
