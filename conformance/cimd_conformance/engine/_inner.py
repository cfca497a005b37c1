"""One job inside: network, target, plan, events, footer."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

import cimd_conformance
from cimd_certs import Authority
from cimd_conformance.catalogue import (
    Instance,
    load_catalogue,
    load_profile,
    select_instances,
)
from cimd_conformance.engine._engine import Engine, Finished, counts
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._parties import open_parties
from cimd_conformance.engine._roles import KITS, RoleKit, roles_of
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.evidence import Evidence
from cimd_conformance.model import (
    SCHEMA_VERSION,
    AnyEvent,
    ConfigError,
    ExitCode,
    HarnessError,
    Job,
    Role,
    RunFinished,
    RunStarted,
    SuiteError,
    TargetOutput,
    encode_event,
    verdict,
)
from cimd_conformance.target import load_target
from cimd_testbed.net import EmbeddedNetwork, LoopbackNetwork, Network

OUTPUT_LINES = 2000


@dataclass(slots=True)
class Out:
    """The event stream: one line per event, written at once."""

    fd: int
    begun: float = field(default_factory=time.monotonic)
    broken: bool = False

    def now(self) -> float:
        """Return seconds since the run started."""
        return time.monotonic() - self.begun

    def emit(self, event: AnyEvent) -> None:
        """Write one event; a reader that went away is not an error here."""
        data = encode_event(event) + b"\n"
        try:
            while data and not self.broken:
                data = data[os.write(self.fd, data) :]
        except OSError:
            self.broken = True


def run_inner(line: bytes, events_fd: int) -> int:
    """Run a job and return the exit code."""
    out = Out(events_fd)
    try:
        job = msgspec.json.decode(line, type=Job)
        return asyncio.run(_run(job, out))
    except SuiteError as error:
        out.emit(_failed(out, error))
        return int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        traceback.print_exc(file=sys.stderr)
        wrong = HarnessError("inner", f"{type(error).__name__}: {error}")
        out.emit(_failed(out, wrong))
        return int(ExitCode.OWN_ERROR)


def _failed(out: Out, error: SuiteError) -> RunFinished:
    details: dict[str, Any] = {
        "error": {"code": error.code, "message": error.message, "hint": error.hint}
    }
    verdict_word = "error" if isinstance(error, HarnessError) else "inconclusive"
    return RunFinished(
        out.now(), verdict_word, int(error.exit_code), {}, out.now(), details=details
    )


async def _run(job: Job, out: Out) -> int:
    if job.kind == "prove":
        from cimd_conformance.prove._inner import prove_inner  # noqa: PLC0415 - its own job

        return await prove_inner(job, out.emit, out.now)
    stop = asyncio.Event()
    watch_control(stop)
    roles = roles_of(job.role)
    plan = select(load_catalogue().instances, job, roles)
    profile = load_profile(job.profile)
    around = await open_surroundings(job, out.emit, out.now)
    running: dict[Role, RunningTarget] = {}
    finished: Finished = {}
    try:
        for role in roles:
            running[role] = await start_target(job, role, around, out)
        out.emit(_started(job, running, around.network, plan))
        async with asyncio.TaskGroup() as group:
            for role, target in running.items():
                engine = Engine(
                    target,
                    profile,
                    around.leases,
                    out.emit,
                    out.now,
                    powers_of(job, target, around.network),
                    _disabled(job),
                    stop,
                    finished,
                )
                mine = [i for i in plan if i.scenario.role is role]
                group.create_task(engine.run(mine))
    finally:
        for target in running.values():
            await target.close()
        await around.network.close()
    return _finish(out, plan, finished, stopped=stop.is_set())


def _finish(
    out: Out, plan: list[Instance], finished: Finished, *, stopped: bool
) -> int:
    interrupted = stopped and len(finished) < len(plan)
    found = counts(finished)
    word, code = verdict(found, interrupted=interrupted)
    out.emit(
        RunFinished(out.now(), word.value, int(code), found, out.now(), interrupted)
    )
    return int(code)


def select(instances: list[Instance], job: Job, roles: list[Role]) -> list[Instance]:
    """Return the instances of the job's roles that its globs choose."""
    return select_instances(instances, roles, job.only, job.skip)


def watch_control(stop: asyncio.Event) -> None:
    """Stop on the line `stop`; end at once when nobody listens any more."""
    loop = asyncio.get_running_loop()

    def readable() -> None:
        data = os.read(0, 4096)
        if not data:
            loop.remove_reader(0)
            for task in asyncio.all_tasks(loop):
                task.cancel()
        elif b"stop" in data:
            stop.set()

    loop.add_reader(0, readable)


async def open_network(
    job: Job, authority: Authority | None = None
) -> tuple[Network, Authority]:
    """Open the job's network; make the CA of the run unless there is one."""
    authority = authority or Authority()
    match job.network:
        case "embedded":
            embedded = EmbeddedNetwork()
            await embedded.start()
            return embedded, authority
        case "loopback":
            return LoopbackNetwork(), authority
        case "lab":
            from cimd_testbed.net.lab import LabNetwork  # noqa: PLC0415 - Linux only

            lab = LabNetwork(authority.ca_pem)
            await lab.start()
            return lab, authority
        case _:
            raise ConfigError(
                "unknown-network",
                f"There is no network {job.network!r}.",
                "allowed: embedded, loopback, lab",
            )


async def open_surroundings(
    job: Job,
    emit: Callable[[AnyEvent], None],
    now: Callable[[], float],
    authority: Authority | None = None,
) -> Surroundings:
    """Open the network with its parties, and begin to collect evidence."""
    network, authority = await open_network(job, authority)
    evidence = Evidence(emit, now)
    network.contacts.listeners.append(evidence.on_contact)
    parties = await open_parties(network, authority)
    return Surroundings(
        network, authority, evidence, ScenarioLeases(), parties, job.seed
    )


async def start_target(
    job: Job, role: Role, around: Surroundings, out: Out
) -> RunningTarget:
    """Start what the job is about."""
    kit = KITS[role]()
    if job.target is None:
        return await kit.start_embedded(around, _checks(kit, role, job.flaw))
    path = Path(job.target)
    lines = 0

    def on_line(line: str) -> None:
        nonlocal lines
        lines += 1
        if lines <= OUTPUT_LINES:
            out.emit(TargetOutput(out.now(), line))

    running = await kit.start_external(around, path, load_target(path), on_line)
    if job.jobs:
        running.jobs = job.jobs
    if job.grace is not None:
        running.grace = job.grace
    return running


def _disabled(job: Job) -> dict[str, str]:
    """Return what the target file disables, with the reasons."""
    return dict(load_target(Path(job.target)).disable) if job.target else {}


def _checks(kit: RoleKit, role: Role, flaw: str | None) -> Any:
    """Return the reference's checks, one of them replaced when asked for."""
    if flaw is None:
        return kit.honest()
    from cimd_testbed.flaws import FLAWS, flawed  # noqa: PLC0415 - only when asked

    if flaw not in FLAWS:
        raise ConfigError(
            "unknown-flaw",
            f"There is no flaw {flaw!r}.",
            "allowed: " + ", ".join(sorted(FLAWS)),
        )
    if FLAWS[flaw].role != role.value:
        return kit.honest()
    return flawed(kit.honest(), FLAWS[flaw])


def powers_of(job: Job, running: RunningTarget, network: Network) -> frozenset[str]:
    """Return the powers of this run: the clock comes with the embedded reference."""
    powers = set(network.powers) - {"clock"}
    if job.target is None and running.world.advance is not None:
        powers.add("clock")
    return frozenset(powers)


def _started(
    job: Job,
    running: dict[Role, RunningTarget],
    network: Network,
    plan: list[Instance],
) -> RunStarted:
    powers: set[str] = set()
    for target in running.values():
        powers |= powers_of(job, target, network)
    name = load_target(Path(job.target)).name if job.target else "embedded reference"
    return RunStarted(
        0.0,
        SCHEMA_VERSION,
        cimd_conformance.__version__,
        secrets.token_hex(8),
        dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        name,
        ", ".join(running),
        job.network,
        job.profile,
        job.seed,
        sorted(powers),
        [instance.planned() for instance in plan],
    )
