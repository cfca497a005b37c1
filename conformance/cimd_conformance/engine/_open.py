"""Open what a run takes: its network with the parties on it, and its target."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from cimd_certs import Authority
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._parties import open_parties
from cimd_conformance.engine._roles import KITS, checks_of
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.evidence import Evidence, OutputRedactor
from cimd_conformance.model import AnyEvent, ConfigError, Job, Role, TargetOutput
from cimd_conformance.target import load_target, secrets_of
from cimd_testbed.net import EmbeddedNetwork, LoopbackNetwork, Network

OUTPUT_LINES = 2000

Emit = Callable[[AnyEvent], None]


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
    evidence = Evidence(emit, now, numbers=itertools.count(job.part + 1, job.parts))
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
    described = load_target(path)
    known = secrets_of(described)
    redactor = OutputRedactor(known)

    def on_line(line: str) -> None:
        nonlocal lines
        lines += 1
        if lines <= OUTPUT_LINES:
            emit(TargetOutput(now(), redactor.line(line)))

    running = await kit.start_external(around, path, described, on_line)
    running.world.secrets = known
    if described.runs_already:
        running.world.be_new()
    running.pace = described.limits.pace
    running.retry_after = described.limits.retry_after
    return _as_asked(job, running)


def _as_asked(job: Job, running: RunningTarget) -> RunningTarget:
    """Let what the command line says go before what the target says."""
    if job.jobs:
        running.jobs = job.jobs
    if job.grace is not None:
        running.grace = job.grace
    return running


def powers_of(job: Job, network: Network) -> frozenset[str]:
    """Return the powers of this run, of which the target may bring some."""
    if job.target is None:
        return network.powers | {"clock", "proxy", "every-address"}
    found = network.powers - {"clock"}
    proxied = load_target(Path(job.target)).server.proxy
    return found | {"proxy"} if proxied and "lab" in found else found
