"""An engine over a scripted target: no network, no time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from cimd_conformance.catalogue import Instance, Profile, expand_scenario
from cimd_conformance.engine import Engine
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._target import RunningTarget, nothing_to_close
from cimd_conformance.evidence import Evidence, Seen
from cimd_conformance.flows import Advance, FlowResult, StepEnd, World
from cimd_conformance.model import (
    AnyEvent,
    Control,
    Expect,
    Level,
    Message,
    Outcome,
    Role,
    Scenario,
    ScenarioFinished,
    Severity,
    Verb,
)
from cimd_testbed.net import Depth
from cimd_testbed.parties import Pace, RealPace

REQUIREMENT = "cimd-redirect-exact-match"
OTHER = "code-single-use"


def profile(**levels: Level) -> Profile:
    named = {name.replace("_", "-"): level for name, level in levels.items()}
    return Profile("test", "A profile", named or {REQUIREMENT: Level.MUST}, {})


def result(
    outcome: Outcome = Outcome.COMPLETED,
    detail: str = "detail",
    *,
    changed: bool = True,
    why_not: str = "",
    messages: dict[Message, Any] | None = None,
    steps: list[StepEnd] | None = None,
    known: dict[str, Any] | None = None,
    redact: Callable[[str], str] = str,
    retry_after: float = 0.0,
) -> FlowResult:
    return FlowResult(
        outcome,
        detail,
        [StepEnd(Verb.AUTHORIZE, None, outcome, detail)] if steps is None else steps,
        messages or {},
        changed,
        why_not,
        (1, 2),
        known or {},
        redact,
        retry_after=retry_after,
    )


def scenario(name: str = "one", **more: Any) -> Scenario:
    values: dict[str, Any] = {
        "id": f"as/test/{name}",
        "title": "T",
        "role": Role.AUTHORIZATION_SERVER,
        "flow": "authorization-code",
        "severity": Severity.LOW,
        "expect": [Expect(REQUIREMENT, outcome=["refused"])],
        **more,
    }
    return Scenario(**values)


def instance(name: str = "one", **more: Any) -> Instance:
    return next(expand_scenario(scenario(name, **more), f"{name}.toml"))


def new_evidence(events: list[AnyEvent] | None = None) -> Evidence:
    return Evidence((events if events is not None else []).append, lambda: 0.0)


def touch(evidence: Evidence, label: str, place: str, depth: Depth = Depth.TCP) -> None:
    evidence.seen.setdefault(label, []).append(Seen(7, place, depth, "seen"))


Play = Callable[[str, Scenario | None], Awaitable[FlowResult]]


@dataclass
class Bench:
    """What an engine ran, and what it told."""

    play: Play
    events: list[AnyEvent] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    closing: bool = False
    lost: int = 0
    pace: float = 0.0
    retry_after: float = 0.0
    restart: Callable[[], Awaitable[None]] | None = None
    fresh: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    jobs: int = 8
    grace: float = 0.0
    powers: frozenset[str] = frozenset()
    disabled: dict[str, str] = field(default_factory=dict)
    profile: Profile = field(default_factory=profile)
    time: Pace = field(default_factory=RealPace)
    advance: Advance | None = None
    evidence: Evidence = field(init=False)
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.evidence = new_evidence(self.events)

    async def _run_flow(
        self,
        label: str,
        _flow: str,
        _variant: dict[str, str],
        changed: Scenario | None,
    ) -> FlowResult:
        self.calls.append(label)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            return await self.play(label, changed)
        finally:
            self.open_now -= 1

    def engine(self) -> Engine:
        network = SimpleNamespace(settle=lambda: None, lost_contacts=lambda: self.lost)
        self.world = cast(
            World,
            SimpleNamespace(
                evidence=self.evidence,
                network=network,
                secrets=(),
                pace=self.time,
                advance=self.advance,
            ),
        )
        target = RunningTarget(
            self.world,
            self._run_flow,
            lambda one: self.missing.get(one.id),
            nothing_to_close,
            self.exited,
            self.jobs,
            self.grace,
            lambda: 9,
            lambda: ["last words"],
            restart=self.restart,
            fresh_for_exclusive=self.fresh,
            pace=self.pace,
            retry_after=self.retry_after,
        )
        return Engine(
            target,
            self.profile,
            ScenarioLeases(),
            self.events.append,
            lambda: 0.0,
            self.powers,
            self.disabled,
            self.closing,
            self.stop,
        )

    async def run(self, *plan: Instance) -> dict[str, str]:
        async with asyncio.timeout(10):
            finished = await self.engine().run(list(plan))
        return {name: status.value for name, status in finished.items()}

    def reasons(self) -> dict[str, str]:
        return {e.id: e.reason for e in self.events if isinstance(e, ScenarioFinished)}

    def controls(self) -> list[Control]:
        return [event for event in self.events if isinstance(event, Control)]


def answers(changed: FlowResult, control: FlowResult | None = None) -> Play:
    """Play one result for scenarios and one for controls."""

    async def play(_label: str, scenario: Scenario | None) -> FlowResult:
        return (control or result()) if scenario is None else changed

    return play
