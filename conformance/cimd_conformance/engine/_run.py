"""One job inside: network, target, plan, events, footer."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cimd_conformance
from cimd_conformance.catalogue import (
    Instance,
    load_catalogue,
    load_profile,
    select_instances,
)
from cimd_conformance.engine._engine import counts
from cimd_conformance.engine._open import open_surroundings
from cimd_conformance.engine._phases import Phases
from cimd_conformance.engine._roles import roles_of
from cimd_conformance.model import (
    SCHEMA_VERSION,
    AnyEvent,
    Job,
    Role,
    RunFinished,
    RunStarted,
    verdict,
)
from cimd_conformance.target import load_target

Emit = Callable[[AnyEvent], None]


async def run_job(
    job: Job, emit: Emit, now: Callable[[], float], stop: asyncio.Event
) -> int:
    """Run the scenarios of a job; `stop` ends it with the results so far.

    Roles run one after the other: the first verdict comes before the last role has
    been imported.
    """
    roles = roles_of(job.role)
    plan = select(load_catalogue(roles=roles).instances, job, roles)
    share = share_of(plan, job.part, job.parts)
    profile = load_profile(job.profile)
    around = await open_surroundings(job, emit, now)
    run = Phases(job, emit, now, stop, around, profile)
    try:
        emit(_started(job, roles, run.powers, plan))
        for role in roles:
            mine = [i for i in share if i.scenario.role is role]
            if (mine or job.target) and not await run.role(role, mine):
                break
    finally:
        await around.network.close()
    return _finish(run, share, stopped=stop.is_set())


def _finish(run: Phases, plan: list[Instance], *, stopped: bool) -> int:
    interrupted = stopped and len(run.finished) < len(plan)
    found, now = counts(run.finished), run.now()
    word, code = verdict(found, interrupted=interrupted)
    powers = sorted(run.powers)
    end = RunFinished(now, word.value, int(code), found, now, interrupted, {}, powers)
    run.emit(end)
    return int(code)


def select(instances: list[Instance], job: Job, roles: list[Role]) -> list[Instance]:
    """Return the instances of the job's roles that its globs choose."""
    return select_instances(instances, roles, job.only, job.skip)


def share_of(plan: list[Instance], part: int, parts: int) -> list[Instance]:
    """Return one of several shares: controls with all that rests on them.

    The largest go first, each to whoever has the least.
    """
    resting = Counter(instance.control for instance in plan)
    shares: list[set[str]] = [set() for _ in range(parts)]
    sizes = [0] * parts
    for control, count in sorted(resting.items(), key=lambda each: (-each[1], each[0])):
        least = sizes.index(min(sizes))
        shares[least].add(control)
        sizes[least] += count
    return [instance for instance in plan if instance.control in shares[part]]


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
        job.strict,
    )
