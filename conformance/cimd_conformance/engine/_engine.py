"""Run a plan: controls once, scenarios concurrently, absence judged after a grace."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cimd_conformance.catalogue import Instance, Profile, control_id
from cimd_conformance.engine._excuse import Excuses
from cimd_conformance.engine._gentle import Gate, asked_to_wait
from cimd_conformance.engine._judge import answer, redacted, to_check, worst
from cimd_conformance.engine._labels import crashes
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._order import Order, in_company
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.evidence import Redactor
from cimd_conformance.flows import FlowResult
from cimd_conformance.model import (
    AnyEvent,
    Check,
    Control,
    Outcome,
    Scenario,
    ScenarioFinished,
    ScenarioStarted,
    Status,
    TargetError,
)
from cimd_testbed.parties import RealPace

Finished = dict[str, Status]

_DEATH_SECONDS = 0.5
_RESTARTS = 5
"""How often a target that ends by itself is started again."""


@dataclass(slots=True)
class Engine:
    """One run against one target. `run` returns the status of every instance."""

    target: RunningTarget
    profile: Profile
    leases: ScenarioLeases
    emit: Callable[[AnyEvent], None]
    now: Callable[[], float]
    powers: frozenset[str]
    disabled: dict[str, str] = field(default_factory=dict)
    closing: bool = True
    """Whether every control is repeated at the end."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    keep_open: bool = False
    """Whether addresses and names stay with the scenario that leased them."""
    finished: Finished = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Why a power is missing."""
    mark: str = ""
    """What tells its controls from those of another start of the target."""
    _controls: dict[str, asyncio.Task[Control]] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)
    """When each instance got its turn: waiting for one is not its time."""
    _starts: int = 1
    """How often the target was started so far, for all that it ended."""
    _slots: asyncio.Semaphore = field(init=False)
    _has_slot: set[str] = field(default_factory=set)
    _excuses: Excuses = field(init=False)
    _gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        """Size the concurrency, and collect the excuses."""
        self._slots = asyncio.Semaphore(self.target.jobs)
        self._excuses = Excuses(
            self.powers,
            self.profile,
            self.disabled,
            self.target.missing_feature,
            self.missing,
        )
        self._gate = Gate(self.target.pace)

    async def run(self, plan: list[Instance]) -> Finished:
        """Run every instance; stops early when told to or when the target ends.

        A target that may be started again is, and the scenarios that had not begun
        go on with it.
        """
        rest = plan
        while rest:
            await self._run(rest)
            if not self.target.exited.is_set():
                break
            lives = self._starts <= _RESTARTS and not self.stop.is_set()
            again = self.target.restart if lives else None
            self._target_gone(rest, begun_only=again is not None)
            rest = [one for one in rest if one.id not in self.finished]
            if rest and again is not None:
                await self._start_again(again, rest)
        return self.finished

    async def _start_again(
        self, restart: Callable[[], Awaitable[None]], rest: list[Instance]
    ) -> None:
        """Start the target again; what rests on controls has to see them again."""
        self._starts += 1
        self._controls.clear()
        try:
            await restart()
        except TargetError as error:
            first = error.message.splitlines()[0]
            reason = f"The target ended, and did not start again: {first}"
            for instance in rest:
                self._finish(instance, Status.INCONCLUSIVE, reason)
            rest.clear()

    async def _run(self, plan: list[Instance]) -> None:
        lanes, company = self._room()
        work = asyncio.create_task(self._all(Order.of(plan, lanes, company), lanes))
        ends = [
            asyncio.create_task(event.wait())
            for event in (self.stop, self.target.exited)
        ]
        await asyncio.wait([work, *ends], return_when=asyncio.FIRST_COMPLETED)
        tasks = [work, *ends, *self._controls.values()]
        for task in tasks:
            task.cancel()
        ended, *_ = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended  # our own fault, which must not look like a shorter plan

    def _room(self) -> tuple[int, int]:
        """Return how many scenarios may wait at once, and move the clock at once.

        Where time is moved instead of waited for, it is moved under everybody.
        """
        real, jobs = isinstance(self.target.world.pace, RealPace), self.target.jobs
        together = real and not self.target.fresh_for_exclusive
        return jobs // 2 if real else 0, jobs if together else 1

    async def _all(self, order: Order, lanes: int) -> None:
        async with asyncio.TaskGroup() as group:
            waiting = iter(order.waiting)
            for _ in range(min(lanes, len(order.waiting))):
                group.create_task(self._lane(waiting))
            for instance in order.together:
                group.create_task(self._instance(instance))
        for company in order.alone:
            if len(company) > 1:
                await in_company(self.target.world, company, self._instance)
            else:
                await self._alone(company[0])
        if self.closing and self.target.repeats_controls:
            await self._close(order.closing)

    async def _lane(self, waiting: Iterator[Instance]) -> None:
        """Run one after the other what mostly waits, all of it in one slot."""
        async with self._slots:
            for instance in waiting:
                self._has_slot.add(instance.id)
                await self._instance(instance)

    async def _alone(self, instance: Instance) -> None:
        fresh = self.target.fresh_for_exclusive and not self._excuses.of(instance)
        if fresh and self.target.restart is not None:
            await self.target.restart()
        await self._instance(instance)

    async def _close(self, plan: list[Instance]) -> None:
        """Repeat each control at the end, to see that the target worked all the while.

        Where it does not, what passed since the control succeeded proves nothing.
        """
        for key in sorted(self._controls):
            if self._controls[key].result().status is not Status.PASSED:
                continue
            mine = [i for i in plan if self._key(*i.control_shape) == key]
            passed = [i for i in mine if self.finished.get(i.id) is Status.PASSED]
            if not passed:
                continue
            closing = await self._run_control(*mine[0].control_shape, closing_for="end")
            if closing.status is Status.PASSED:
                continue
            for instance in passed:
                reason = f"At the end of the run the control failed: {closing.reason}"
                self._finish(instance, Status.INCONCLUSIVE, reason)

    def _target_gone(self, plan: list[Instance], *, begun_only: bool) -> None:
        code = self.target.exit_code()
        self.emit(self.target.exit_event(self.now()))
        reason = f"The target ended with exit code {code}."
        for instance in plan:
            lost = instance.id in self._begun or not begun_only
            if lost and instance.id not in self.finished:
                self._finish(instance, Status.INCONCLUSIVE, reason)

    # --- one instance ---------------------------------------------------------------

    async def _instance(self, instance: Instance) -> None:
        excuse = self._excuses.of(instance)
        if excuse is not None:
            self._finish(instance, *excuse)
            return
        try:
            status, reason = await self._judged(instance)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - our own fault is a status
            traceback.print_exc(file=sys.stderr)
            reason = Redactor().text(f"{type(error).__name__}: {error}")
            status = Status.ERROR
        finally:
            self._has_slot.discard(instance.id)
            if not self.keep_open:
                await self.leases.release(instance.id)
                self.target.world.evidence.release(instance.id)
        self._finish(instance, status, reason)

    def _finish(self, instance: Instance, status: Status, reason: str) -> None:
        self.finished[instance.id] = status
        now = self.now()
        begun = self._begun.get(instance.id, now)
        self.emit(
            ScenarioFinished(
                now,
                instance.id,
                status,
                reason,
                now - begun,
                self._key(*instance.control_shape),
            )
        )

    async def _judged(self, instance: Instance) -> tuple[Status, str]:
        control = await self.control(*instance.control_shape)
        if control.status is not Status.PASSED:
            return control.status, f"The control failed: {control.reason}"
        await self.leases.reserve(instance.id, instance.scenario.place)
        if not instance.scenario.disturbs or instance.id in self._has_slot:
            return await self._seen(instance)
        async with self._slots:  # its closing control comes at once
            self._has_slot.add(instance.id)
            return await self._seen(instance)

    async def _seen(self, instance: Instance) -> tuple[Status, str]:
        scenario = instance.scenario
        result = await self._tried(instance)
        lost = await self._absence(scenario)
        crash = crashes.pop(instance.id, None)
        if crash is not None:
            return Status.ERROR, f"The reference crashed: {crash}"
        if lost:
            return Status.INCONCLUSIVE, f"The wire tap has missed {lost} packets."
        checks = self._checks(instance, result)
        status = worst(check.status for check in checks)
        reason = next((c.reason for c in checks if c.status is status), "")
        if scenario.disturbs:
            flow, variant = instance.control_shape
            closing = await self._run_control(flow, variant, closing_for=instance.id)
            if closing.status is not Status.PASSED:
                await self._unless_ended()
                if status is Status.PASSED:
                    return Status.INCONCLUSIVE, f"The closing control: {closing.reason}"
        return status, reason

    async def _tried(self, instance: Instance) -> FlowResult:
        """Run the flow; once more when the target asked for a little patience."""
        scenario = instance.scenario
        flow = (scenario.flow, instance.variant, scenario)
        async with self._slot(instance.id):
            await self._gate.turn()
            self._begun[instance.id] = self.now()
            self.emit(ScenarioStarted(self.now(), instance.id))
            result = await self.target.run_flow(instance.id, *flow)
            await self._mourn(result)
            if not self._waits(result, scenario):
                return result
            # What was leased stays leased: a late contact is nobody else's.
            self.target.world.evidence.release(instance.id)
            await self._gate.turn()
            return await self.target.run_flow(instance.id, *flow)

    def _slot(self, label: str | None) -> contextlib.AbstractAsyncContextManager[None]:
        """Return the right to run, which some have already."""
        return contextlib.nullcontext() if label in self._has_slot else self._slots

    async def _mourn(self, result: FlowResult) -> None:
        """Let nobody begin with a target that this flow has perhaps ended."""
        if any(end.outcome is Outcome.NO_ANSWER for end in result.steps):
            await self._unless_ended()

    async def _unless_ended(self) -> None:
        """Return if the target lives; its end is known late, and cancels who runs."""
        if self.target.restart is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DEATH_SECONDS):
                await self.target.exited.wait()
            await asyncio.Event().wait()

    def _waits(self, result: FlowResult, scenario: Scenario | None) -> bool:
        """Whether to try again, after the rest that the target asked for."""
        if not asked_to_wait(result, scenario):
            return False
        self._gate.hold(min(result.retry_after, self.target.retry_after))
        return result.retry_after <= self.target.retry_after

    async def _absence(self, scenario: Scenario) -> int:
        """Wait until absence may be judged; return how many contacts were missed."""
        if not any(expect.untouched or expect.unasked for expect in scenario.expect):
            return 0
        await asyncio.sleep(self.target.grace)
        network = self.target.world.network
        network.settle()
        return network.lost_contacts()

    def _checks(self, instance: Instance, result: FlowResult) -> list[Check]:
        world = self.target.world
        checks = []
        for expect in instance.scenario.expect:
            found = answer(expect, result, world.evidence, instance.id, result.known)
            found = redacted(found, result.redact)
            check = to_check(self.now(), instance.id, expect, found, self.profile)
            self.emit(check)
            checks.append(check)
        return checks

    # --- controls -------------------------------------------------------------------

    def _key(self, flow: str, variant: dict[str, str]) -> str:
        """Return the id of a control; each start of a target has its own."""
        starts = str(self._starts) if self._starts > 1 else ""
        marks = [control_id(flow, variant), self.mark, starts]
        return "+".join(filter(None, marks))

    async def control(self, flow: str, variant: dict[str, str]) -> Control:
        """Return the control of a shape, run once per run."""
        key = self._key(flow, variant)
        if key not in self._controls:
            self._controls[key] = asyncio.create_task(
                self._run_control(flow, variant), name=key
            )
        return await asyncio.shield(self._controls[key])

    async def _run_control(
        self, flow: str, variant: dict[str, str], closing_for: str | None = None
    ) -> Control:
        key = self._key(flow, variant)
        label = f"{key}#{closing_for}" if closing_for else key
        try:
            async with self._slot(closing_for):
                await self._gate.turn()
                result = await self.target.run_flow(label, flow, variant, None)
                if self._waits(result, None):
                    await self._gate.turn()
                    result = await self.target.run_flow(label, flow, variant, None)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - our own fault is a status
            traceback.print_exc(file=sys.stderr)
            reason = Redactor().text(f"{type(error).__name__}: {error}")
            control = Control(self.now(), key, Status.ERROR, reason, closing_for)
        else:
            control = self._judge_control(key, label, result, closing_for)
        await self.leases.release(label)
        self.emit(control)
        return control

    def _judge_control(
        self, key: str, label: str, result: FlowResult, closing_for: str | None
    ) -> Control:
        """Say whether a control is good, and if not, why."""
        if result.outcome is Outcome.COMPLETED:
            return Control(self.now(), key, Status.PASSED, "", closing_for)
        reason = f"{result.outcome.value}: {result.redact(result.detail)}"
        failed = Control(self.now(), key, Status.INCONCLUSIVE, reason, closing_for)
        target = self.target
        if target.diagnose is None or target.path is None:
            return failed
        found = target.diagnose(label, result)
        return msgspec.structs.replace(
            failed,
            code=found.code,
            cause=found.cause,
            mend=found.mend,
            places=found.places(target.path),
        )


def counts(finished: Finished) -> dict[str, int]:
    """Count the statuses, all of them, in the order of the enumeration."""
    found: Counter[Any] = Counter(finished.values())
    return {status.value: found[status] for status in Status}
