"""One job inside: network, target, plan, events, footer."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cimd_conformance
from cimd_certs import Authority
from cimd_conformance.catalogue import (
    Instance,
    Profile,
    load_catalogue,
    load_profile,
    select_instances,
)
from cimd_conformance.engine._engine import Engine, Finished, counts
from cimd_conformance.engine._keep import keep_open
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._parties import open_parties
from cimd_conformance.engine._roles import KITS, checks_of, roles_of
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.evidence import Evidence, Redactor
from cimd_conformance.model import (
    SCHEMA_VERSION,
    AnyEvent,
    ConfigError,
    Job,
    Role,
    RunFinished,
    RunStarted,
    TargetOutput,
    verdict,
)
from cimd_conformance.target import load_target
from cimd_testbed.net import EmbeddedNetwork, LoopbackNetwork, Network

OUTPUT_LINES = 2000

Emit = Callable[[AnyEvent], None]


async def run_job(
    job: Job, emit: Emit, now: Callable[[], float], stop: asyncio.Event
) -> int:
    """Run the scenarios of a job; `stop` ends it with the results so far.

    Roles run one after the other: the first verdict comes before the last role has
    been imported.
    """
    roles = roles_of(job.role)
    plan = select(load_catalogue().instances, job, roles)
    profile = load_profile(job.profile)
    around = await open_surroundings(job, emit, now)
    run = _Run(job, emit, now, stop, around, profile)
    try:
        emit(_started(job, roles, run.powers, plan))
        for role in roles:
            mine = [i for i in plan if i.scenario.role is role]
            if (mine or job.target) and not await run.role(role, mine):
                break
    finally:
        await around.network.close()
    return _finish(emit, now(), plan, run.finished, stopped=stop.is_set())


@dataclass(slots=True)
class _Run:
    """What the roles of one run have in common."""

    job: Job
    emit: Emit
    now: Callable[[], float]
    stop: asyncio.Event
    around: Surroundings
    profile: Profile
    finished: Finished = field(default_factory=dict)

    @property
    def powers(self) -> frozenset[str]:
        """What scenarios may ask for."""
        return powers_of(self.job, self.around.network)

    async def role(self, role: Role, plan: list[Instance]) -> bool:
        """Run the scenarios of one role; False when the run was stopped before."""
        starting = start_target(self.job, role, self.around, self.emit, self.now)
        target = await _unless(self.stop, starting)
        if target is None:
            return False
        engine = Engine(
            target,
            self.profile,
            self.around.leases,
            self.emit,
            self.now,
            self.powers,
            _disabled(self.job),
            stop=self.stop,
            keep_open=self.job.keep_open,
            finished=self.finished,
        )
        target.world.keep_open = self.job.keep_open
        try:
            await engine.run(plan)
            if plan and self.job.keep_open:
                about = (target, self.around, plan[-1].id)
                await keep_open(*about, self.emit, self.now, self.stop)
        finally:
            await target.close()
        return True


async def _unless(
    stop: asyncio.Event, starting: Coroutine[Any, Any, RunningTarget]
) -> RunningTarget | None:
    """Wait for a target to start; None when the run was stopped meanwhile."""
    start, end = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({start, end}, return_when=asyncio.FIRST_COMPLETED)
        return start.result() if start.done() else None
    finally:
        for task in (start, end):
            task.cancel()
        await asyncio.gather(start, end, return_exceptions=True)


def _finish(
    emit: Emit, now: float, plan: list[Instance], finished: Finished, *, stopped: bool
) -> int:
    interrupted = stopped and len(finished) < len(plan)
    found = counts(finished)
    word, code = verdict(found, interrupted=interrupted)
    emit(RunFinished(now, word.value, int(code), found, now, interrupted))
    return int(code)


def select(instances: list[Instance], job: Job, roles: list[Role]) -> list[Instance]:
    """Return the instances of the job's roles that its globs choose."""
    return select_instances(instances, roles, job.only, job.skip)


async def open_network(
    job: Job, authority: Authority | None = None
) -> tuple[Network, Authority]:
    """Open the job's network; make the CA of the run unless there is one."""
    authority = authority or _authority(job)
    match job.network:
        case "embedded":
            embedded = EmbeddedNetwork()
            await embedded.start()
            return embedded, authority
        case "loopback":
            return LoopbackNetwork(), authority
        case "lab":
            from cimd_testbed.net.lab import LabNetwork  # noqa: PLC0415 - Linux only

            lab = LabNetwork(authority.ca_pem, adopted=job.adopted)
            await lab.start()
            return lab, authority
        case _:
            raise ConfigError(
                "unknown-network",
                f"There is no network {job.network!r}.",
                "allowed: embedded, loopback, lab",
            )


def _authority(job: Job) -> Authority:
    """Make the CA of the run, or read the one that a running target trusts already."""
    if job.ca is None:
        return Authority()
    try:
        return Authority.load(Path(job.ca))
    except (OSError, ValueError) as error:
        raise ConfigError(
            "ca-unreadable",
            f"There is no CA with its key in {job.ca}: {error}.",
            "Make one with `cimd-conformance certs --out DIR --keep-key`.",
        ) from None


async def open_surroundings(
    job: Job,
    emit: Emit,
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
    job: Job,
    role: Role,
    around: Surroundings,
    emit: Emit,
    now: Callable[[], float],
) -> RunningTarget:
    """Start what the job is about."""
    kit = KITS[role]()
    if job.target is None:
        running = await kit.start_embedded(around, checks_of(kit, role, job.flaw))
        return _as_asked(job, running)
    path = Path(job.target)
    lines = 0
    redactor = Redactor()

    def on_line(line: str) -> None:
        nonlocal lines
        lines += 1
        if lines <= OUTPUT_LINES:
            emit(TargetOutput(now(), redactor.text(line)))

    described = load_target(path)
    running = await kit.start_external(around, path, described, on_line)
    if described.runs_already:
        running.world.be_new()
    return _as_asked(job, running)


def _as_asked(job: Job, running: RunningTarget) -> RunningTarget:
    """Let what the command line says go before what the target says."""
    if job.jobs:
        running.jobs = job.jobs
    if job.grace is not None:
        running.grace = job.grace
    return running


def _disabled(job: Job) -> dict[str, str]:
    """Return what the target file disables, with the reasons."""
    return dict(load_target(Path(job.target)).disable) if job.target else {}


def powers_of(job: Job, network: Network) -> frozenset[str]:
    """Return the powers of this run: the clock comes with the embedded reference."""
    clock = {"clock"} if job.target is None else set()
    return frozenset((network.powers - {"clock"}) | clock)


def _started(
    job: Job, roles: list[Role], powers: frozenset[str], plan: list[Instance]
) -> RunStarted:
    name = load_target(Path(job.target)).name if job.target else "embedded reference"
    return RunStarted(
        0.0,
        SCHEMA_VERSION,
        cimd_conformance.__version__,
        secrets.token_hex(8),
        dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        name,
        ", ".join(roles),
        job.network,
        job.profile,
        job.seed,
        sorted(powers),
        [instance.planned() for instance in plan],
        job.target,
        job.flaw,
    )
