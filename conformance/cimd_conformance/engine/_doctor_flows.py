"""What `doctor` asks of a target that is up: its flows, and what they show."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cimd_conformance.catalogue import Instance, load_catalogue, load_profile
from cimd_conformance.engine._clock import clock_problem
from cimd_conformance.engine._diagnose_agent import stages
from cimd_conformance.engine._diagnose_tokens import granted_less
from cimd_conformance.engine._diagnosis import DiagnosedError, Diagnosis, listed
from cimd_conformance.engine._doctor_clock import clock, skews
from cimd_conformance.engine._doctor_server import (
    features_of,
    fetched,
    logged_in,
    metadata_of,
    wrong_metadata,
)
from cimd_conformance.engine._excuse import Excuses
from cimd_conformance.engine._findings import Findings
from cimd_conformance.engine._open import powers_of
from cimd_conformance.engine._run import select
from cimd_conformance.engine._target import RunningTarget
from cimd_conformance.flows import FlowResult
from cimd_conformance.flows.agent_host import AgentWorld
from cimd_conformance.flows.authorization_server import AsWorld
from cimd_conformance.model import Exchange, Job, Outcome, Status
from cimd_conformance.target import TargetFile
from cimd_testbed.net import Depth


@dataclass(slots=True)
class Flows:
    """A target that is up, and the controls that its plan needs."""

    job: Job
    path: Path
    file: TargetFile
    running: RunningTarget
    findings: Findings
    now: Callable[[], float]
    _first: bool = True
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        """Set the clock by which moments of events are told."""
        self._began = time.time() - self.now()

    async def examine(self) -> dict[str, int]:
        """Look at everything; return what `run` would do.

        Raises `DiagnosedError` at the first thing that is wrong.
        """
        self._metadata()
        plan = self._plan()
        excuses = self._excuses()
        excused = {one.id: excuses.of(one) for one in plan}
        wanted = [one for one in plan if excused[one.id] is None]
        self._not_applicable(plan, excused)
        for instances in _by_control(wanted):
            await self._control(instances)
        self._not_run(plan, excused)
        counts = Counter(excuse[0].value for excuse in excused.values() if excuse)
        return {"run": len(wanted), **counts}

    def _tell(self, step: str, what: str, mend: str = "", *fields: str) -> None:
        self.findings.tell(step, what, mend=mend, fields=fields)

    def _wrong(self, found: Diagnosis | None, label: str = "") -> None:
        if found is not None:
            raise DiagnosedError(found, self.path, label)

    # --- before the flows -----------------------------------------------------------

    def _metadata(self) -> None:
        world = self.running.world
        if isinstance(world, AsWorld):
            self._tell("metadata", metadata_of(world.target))
            self._wrong(wrong_metadata(world.target, self.file))

    # --- the plan -------------------------------------------------------------------

    def _plan(self) -> list[Instance]:
        return select(load_catalogue().instances, self.job, [self.file.role])

    def _excuses(self) -> Excuses:
        """Collect the excuses; the clock is moved in a second start, where it can be.

        Raises `ConfigError` when the file demands that and the machine cannot.
        """
        problem = clock_problem(self.file)
        clock = frozenset() if problem else frozenset({"clock"})
        return Excuses(
            powers_of(self.job, self.running.world.network) | clock,
            load_profile(self.job.profile),
            self.file.disable,
            self.running.missing_feature,
            {"clock": problem} if problem else {},
        )

    def _not_applicable(
        self, plan: list[Instance], excused: dict[str, tuple[Status, str] | None]
    ) -> None:
        """Tell what the target announces, and what that leaves out."""
        world = self.running.world
        what, mend = "", ""
        if isinstance(world, AsWorld):
            what, mend = features_of(world.target)
        elif isinstance(world, AgentWorld):
            features = listed(sorted(world.agent.features)) or "none"
            what = f"`client.features`: {features}"
        left_out = _grouped(plan, excused, Status.NOT_APPLICABLE)
        text = "\n".join(filter(None, (what, *left_out)))
        if text:
            self._tell("features", text, mend)

    def _not_run(
        self, plan: list[Instance], excused: dict[str, tuple[Status, str] | None]
    ) -> None:
        """Tell what is not run for lack of a power, or because the file says so."""
        left_out = _grouped(plan, excused, Status.NOT_RUN)
        text = "\n".join(left_out) or "Nothing is left out for lack of a power."
        self._tell("powers", text)

    # --- controls -------------------------------------------------------------------

    async def _control(self, instances: list[Instance]) -> None:
        """Run the legitimate flow that some scenarios rest on."""
        key = instances[0].control
        flow, variant = instances[0].control_shape
        result = await self.running.run_flow(key, flow, variant, None)
        first, self._first = self._first, False
        exchanges = self.running.world.evidence.told.get(key, [])
        if first:
            self._clock(exchanges, result)
        if result.outcome is not Outcome.COMPLETED:
            self._gone()
            assert self.running.diagnose is not None
            found = self.running.diagnose(key, result)
            if first and found.step in ("control", "clock"):
                self._first_flow(key, exchanges, done=False)
            self._wrong(found, key)
        if first:
            self._first_flow(key, exchanges, done=True)
        world = self.running.world
        if isinstance(world, AsWorld) and flow == "authorization-code":
            self._wrong(granted_less(result, world.target.scope), key)
        several = len(instances) > 1
        rest = f"{len(instances)} scenario{'s' * several} rest{'s' * (not several)}"
        self._tell("control", f"{key.removeprefix('control/')} works; {rest} on it.")

    def _gone(self) -> None:
        """Tell of a target that has ended meanwhile."""
        if not self.running.exited.is_set():
            return
        last = "\n".join(self.running.last_output())
        self._wrong(
            Diagnosis(
                "control",
                "ended-midway",
                f"The target ended with exit code {self.running.exit_code()} in the "
                f"middle of a flow. Its last output:\n{last}",
                "Mend what it complains about: it has to survive a legitimate flow.",
                ("server.start", "server.env"),
            )
        )

    def _clock(self, exchanges: Iterable[Exchange], result: FlowResult) -> None:
        found = skews(exchanges, result, lambda at: self._began + at)
        what, mend, wrong = clock(found)
        self._wrong(wrong)
        self._tell("clock", what, mend)

    def _first_flow(self, label: str, exchanges: list[Exchange], *, done: bool) -> None:
        """Tell what the first flow has shown: names, trust, login."""
        world = self.running.world
        seen = world.evidence.seen.get(label, [])
        if isinstance(world, AgentWorld):
            found = stages(exchanges)
            self._tell("tls", "The client connected to our server over TLS.")
            if "authorized" in found:
                self._tell("opens", "Its authorization URL came to the browser.")
            if "called-back" in found:
                self._tell("login", "The browser came back to its redirect URI.")
            return
        if not isinstance(world, AsWorld):
            return
        names = sorted({s.what.split()[1] for s in seen if s.depth is Depth.DNS})
        if names:
            self._tell("dns", f"It looked up {listed(names)}.")
        if got := fetched(exchanges):
            self._tell("tls", "\n".join(("It trusts our CA, and fetched", *got)))
        elif done:
            self._tell(
                "tls",
                "It never fetched the client metadata document.",
                "A server that takes any client_id unseen will fail; if it keeps "
                "documents from before, let it start with an empty store.",
                "server.env",
            )
        if any(one.message == "token_request" for one in exchanges):
            self._tell("login", logged_in(exchanges, world.target))


def _by_control(instances: list[Instance]) -> list[list[Instance]]:
    """Group instances by their control, the largest group first."""
    groups: dict[str, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(instance.control, []).append(instance)
    return sorted(groups.values(), key=len, reverse=True)


def _grouped(
    plan: list[Instance],
    excused: dict[str, tuple[Status, str] | None],
    status: Status,
) -> list[str]:
    """Return a line for each reason: how many instances it leaves out."""
    excuses = (excused[one.id] for one in plan)
    reasons = Counter(why for found, why in filter(None, excuses) if found is status)
    return [f"{count} {status.value}: {why}" for why, count in reasons.most_common()]
