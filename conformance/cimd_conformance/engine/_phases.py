"""The scenarios of one role, in one phase, or in two where a clock has to be moved.

A target is started a second time for the scenarios that need the clock: what shifts it
changes how the program waits, and must not be there while anything else is judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from cimd_conformance.catalogue import Instance, Profile
from cimd_conformance.engine._engine import Engine, Finished
from cimd_conformance.engine._keep import keep_open
from cimd_conformance.engine._open import Emit, powers_of, start_target
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.model import (
    AnyEvent,
    Job,
    Role,
    ScenarioFinished,
    Status,
    TargetError,
)
from cimd_conformance.target import TargetFile, load_target
from cimd_testbed.net import find_libfaketime

T = TypeVar("T")


@dataclass(slots=True)
class Phases:
    """What the roles of one run have in common."""

    job: Job
    emit: Emit
    now: Callable[[], float]
    stop: asyncio.Event
    around: Surroundings
    profile: Profile
    finished: Finished = field(default_factory=dict)
    powers: frozenset[str] = frozenset()
    """What scenarios may ask for; the clock of an external target comes later."""

    def __post_init__(self) -> None:
        """Begin with what the network gives."""
        self.powers = powers_of(self.job, self.around.network)

    async def role(self, role: Role, plan: list[Instance]) -> bool:
        """Run the scenarios of one role; False when the run was stopped before."""
        target = load_target(Path(self.job.target)) if self.job.target else None
        disabled = dict(target.disable) if target else {}
        phase = _Phase(self, role, self.around, self.powers, disabled)
        timed = [one for one in plan if "clock" in one.scenario.powers - self.powers]
        if target is None or not timed:
            return await phase.run(plan)
        return await self._with_clock(phase, target, plan, timed)

    async def _with_clock(
        self,
        phase: _Phase,
        target: TargetFile,
        plan: list[Instance],
        timed: list[Instance],
    ) -> bool:
        from cimd_conformance.engine._clock import (  # noqa: PLC0415 - rarely needed
            clock_problem,
        )

        problem = clock_problem(target)
        if problem is not None:
            return await replace(phase, missing={"clock": problem}).run(plan)
        rest = [one for one in plan if one not in timed]
        if rest and not await phase.run(rest):
            return False
        around = replace(self.around, faketime=find_libfaketime())
        later = replace(
            phase,
            around=around,
            powers=self.powers | {"clock"},
            mark="clock",
        )
        try:
            if not await later.run(timed):
                return False
        except TargetError as error:
            if target.server.clock != "auto":
                raise
            self._not_run(timed, error)
        else:
            self.powers = later.powers
        return True

    def _not_run(self, instances: list[Instance], error: TargetError) -> None:
        """Tell that the target could not be run with a clock of ours."""
        what = error.message.splitlines()[0].rstrip(".")
        reason = f"Needs the power clock ({what})."
        for one in instances:
            if one.id not in self.finished:
                self.finished[one.id] = Status.NOT_RUN
                told = (Status.NOT_RUN, reason, 0.0, one.control)
                self.emit(ScenarioFinished(self.now(), one.id, *told))


@dataclass(frozen=True, slots=True)
class _Phase:
    """One start of a target, and the scenarios that meet it."""

    run_: Phases
    role: Role
    around: Surroundings
    powers: frozenset[str]
    disabled: dict[str, str]
    missing: dict[str, str] = field(default_factory=dict)
    """Why a power is missing."""
    mark: str = ""
    """What tells the controls of this phase from those of another."""

    async def run(self, plan: list[Instance]) -> bool:
        """Start the target and run the plan; False when it was stopped before."""
        run = self.run_
        starting = start_target(run.job, self.role, self.around, run.emit, run.now)
        target = await unless(run.stop, starting)
        if target is None:
            return False

        def emit(event: AnyEvent) -> None:
            target.hear(event)
            run.emit(event)

        engine = Engine(
            target,
            run.profile,
            run.around.leases,
            emit,
            run.now,
            self.powers,
            self.disabled,
            stop=run.stop,
            keep_open=run.job.keep_open,
            finished=run.finished,
            missing=self.missing,
            mark=self.mark,
        )
        target.world.keep_open = run.job.keep_open
        try:
            await engine.run(plan)
            if plan and run.job.keep_open:
                about = (target, self.around, plan[-1].id)
                await keep_open(*about, run.emit, run.now, run.stop)
        finally:
            await target.close()
        return True


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Wait for some work; None when the run was stopped meanwhile."""
    start, end = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({start, end}, return_when=asyncio.FIRST_COMPLETED)
        return start.result() if start.done() else None
    finally:
        for task in (start, end):
            task.cancel()
        await asyncio.gather(start, end, return_exceptions=True)
