"""The proof, outside: judge what the inner process found, print it, keep the file."""

from __future__ import annotations

import contextlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import msgspec

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
from cimd_conformance.prove._coverage import (
    coverage_differences,
    coverage_file,
    proven_requirements,
    read_proven,
    write_proven,
)
from cimd_conformance.prove._matrix import (
    DETECTED,
    Matrix,
    differences,
    read_collateral,
    without,
    write_collateral,
)
from cimd_conformance.prove._parts import Unproven, read_unproven

HONEST = "(honest)"
VERDICTS = {ExitCode.CONFORMANT: "proven", ExitCode.NOTHING_RAN: "nothing-ran"}


def unproven_file() -> Path:
    """Return where the reviewed parts are that no flaw makes illegal."""
    return catalogue_dir() / "_proof" / "unproven.toml"


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
    """Run the proof; return 0 without a hole, 1 with one, 4 for our own error.

    When the selection is empty nothing is proven: 5.
    """
    job = Job(
        kind="prove",
        seed=seed,
        flaws=list(flaws),
        only=list(only),
        network=network,
        full=full,
    )
    plan = load_catalogue().instances
    matrix = Matrix(select_instances(plan, roles_of(job.role), job.only, job.skip))
    unproven = read_unproven(unproven_file())
    honest, seconds = _collect(job, matrix) if matrix.instances else ({}, 0.0)
    matrix.leave_out(honest)
    problems = {
        "honest": _dishonest(honest),
        "holes": _holes(job, matrix, unproven),
        "errors": matrix.errors(),
        **_reviewed(job, matrix, update=update),
    }
    code = _exit_code(matrix, problems)
    document = _document(job, matrix, problems, seconds, code)
    document["unproven"] = msgspec.to_builtins(matrix.excused(unproven))
    _print(document, problems, json_path)
    return int(code)


def _holes(job: Job, matrix: Matrix, unproven: list[Unproven]) -> list[str]:
    """Return what is owed: by the flaws, by the command line, by the expectations."""
    if not matrix.instances:
        return []
    if job.flaws:  # the flaw that makes a part illegal may not have been asked for
        return matrix.holes(matrix.tried) + matrix.vacuous(job.flaws)
    missing = sorted(matrix.named - set(matrix.tried))
    found = matrix.holes([*matrix.tried, *missing])
    return found + matrix.parts(unproven, everything=not job.only)


def _reviewed(job: Job, matrix: Matrix, *, update: bool) -> dict[str, list[str]]:
    """Compare with the reviewed files, as far as enough was run, or write them anew."""
    part = bool(job.flaws)
    less = bool(job.only or part or matrix.left_out)
    return {
        "collateral": [] if job.only else _collateral(matrix, update=update, part=part),
        "coverage": [] if less else _coverage(matrix, update=update),
    }


def _collateral(matrix: Matrix, *, update: bool, part: bool) -> list[str]:
    """Compare with the reviewed file, or write it anew."""
    file, now = collateral_file(), matrix.collateral()
    reviewed = without(read_collateral(file), matrix.left_out)
    if update:
        kept = {f: v for f, v in reviewed.items() if part and f not in matrix.tried}
        write_collateral(file, dict(sorted((kept | now).items())))
        return []
    stale = set() if part else set(reviewed)
    return differences(reviewed, now, (matrix.named & set(matrix.tried)) | stale)


def _coverage(matrix: Matrix, *, update: bool) -> list[str]:
    """Compare what is covered with the reviewed file, or write it anew."""
    file, now = coverage_file(), proven_requirements(matrix.instances, matrix.tried)
    if update:
        write_proven(file, now)
        return []
    return coverage_differences(read_proven(file), now)


def _collect(job: Job, matrix: Matrix) -> tuple[dict[str, Status], float]:
    """Run the proof, each role in a process of its own: they share nothing."""
    roles = sorted({i.scenario.role for i in matrix.instances})
    inners = [InnerProcess(msgspec.structs.replace(job, role=role)) for role in roles]
    honest: dict[str, Status] = {}
    seconds: list[float] = []

    def take(inner: InnerProcess) -> RunFinished | None:
        finished = None
        for event in inner.events():
            if isinstance(event, FlawTried):
                _tried(event, matrix, honest)
            elif isinstance(event, RunFinished):
                finished = event
        return finished

    with contextlib.ExitStack() as stack:
        stack.enter_context(StopSignals(_All(inners)))
        for inner in inners:
            stack.enter_context(inner)
        with ThreadPoolExecutor(len(inners)) as threads:
            ends = list(threads.map(take, inners))
        for inner, finished in zip(inners, ends, strict=True):
            if finished is None or finished.exit_code:
                _fail(finished, inner.stderr_tail())
            seconds.append(finished.seconds)
    return honest, max(seconds)


def _tried(event: FlawTried, matrix: Matrix, honest: dict[str, Status]) -> None:
    if event.flaw == HONEST:
        honest.update(event.statuses)
        return
    matrix.tried[event.flaw] = event
    if sys.stderr.isatty():
        print(f"\r{len(matrix.tried)} flaws tried", end="", file=sys.stderr)  # noqa: T201


@dataclass(frozen=True, slots=True)
class _All:
    """Several inner processes, as one that signals stop."""

    inners: list[InnerProcess]

    def ask_to_stop(self) -> None:
        for inner in self.inners:
            inner.ask_to_stop()

    def kill(self) -> None:
        for inner in self.inners:
            inner.kill()


def _fail(finished: RunFinished | None, tail: list[str]) -> NoReturn:
    told = finished.details.get("error") if finished else None
    if told and finished and finished.exit_code == int(ExitCode.USAGE):
        raise ConfigError(told["code"], told["message"], told["hint"])
    message = told["message"] if told else "The inner process ended early."
    raise HarnessError("prove", message + "".join(f"\n  {line}" for line in tail))


def _dishonest(honest: dict[str, Status]) -> list[str]:
    return [
        f"{name} is {status.value} on the honest reference."
        for name, status in honest.items()
        if status not in (Status.PASSED, Status.NOT_RUN)
    ]


def _exit_code(matrix: Matrix, problems: dict[str, list[str]]) -> ExitCode:
    if not matrix.instances:
        return ExitCode.NOTHING_RAN
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
        "verdict": VERDICTS.get(code, "not-proven"),
        "exit_code": int(code),
        "seed": job.seed,
        "network": job.network,
        "full": job.full,
        "seconds": round(seconds, 3),
        "counts": {
            **_counts(matrix),
            **{name: len(found) for name, found in problems.items()},
        },
        "problems": problems,
        "undetected": matrix.undetected(),
        "left_out": sorted(matrix.left_out),
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


def _counts(matrix: Matrix) -> dict[str, int]:
    return {
        "instances": len(matrix.instances),
        "flaws": len(matrix.tried),
        "pairs": sum(len(t.statuses) for t in matrix.tried.values()),
        "detections": sum(
            status in DETECTED
            for t in matrix.tried.values()
            for status in t.statuses.values()
        ),
        "parts": matrix.proven_parts(),
        "undetected": len(matrix.undetected()),
        "left_out": len(matrix.left_out),
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
    for one in document["unproven"]:
        where = f"{one['scenario']}, expectation {one['expectation']}, {one['part']}"
        print(f"no flaw can show {where}: {one['why']}", file=out)
    for name in document["left_out"]:
        print(f"not run on the network {document['network']}: {name}", file=out)
    counts = document["counts"]
    print(
        f"{document['verdict']}: {counts['flaws']} flaws, {counts['instances']} "
        f"instances, {counts['pairs']} pairs run, {counts['detections']} failed as "
        f"they should, {counts['parts']} parts of expectations shown to fail, "
        f"{counts['undetected']} flaws undetected, {document['seconds']:.1f} s",
        file=out,
    )
    text = json.dumps(document, indent=1, ensure_ascii=False)
    if json_path == "-":
        print(text)  # noqa: T201
    elif json_path:
        Path(json_path).write_text(text + "\n", "utf-8")
