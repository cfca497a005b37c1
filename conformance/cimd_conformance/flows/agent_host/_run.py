"""Run one flow of an agent host, from fresh servers to its end."""

from __future__ import annotations

from cimd_conformance.flows._flow import (
    Flow,
    FlowResult,
    StepEnd,
    VerbFunction,
    end_flow,
)
from cimd_conformance.flows.agent_host._connect import connect
from cimd_conformance.flows.agent_host._inspect import inspect
from cimd_conformance.flows.agent_host._state import AgentState, finish, make_state
from cimd_conformance.flows.agent_host._world import AgentWorld
from cimd_conformance.model import HarnessError, Outcome, Scenario, Step, Verb

FLOWS: dict[str, tuple[Verb, ...]] = {
    "connect": (Verb.CONNECT,),
    "refresh": (Verb.CONNECT,),
    "step-up": (Verb.CONNECT,),
    "hosted-document": (Verb.CONNECT, Verb.INSPECT),
}
"""The legitimate flows."""


async def rotate(state: AgentState, step: Step) -> StepEnd:
    """Let the client change its key (only the embedded reference can be told to)."""
    rotate_key = state.world.rotate_key
    if rotate_key is None:
        raise HarnessError("rotate", "This client cannot be told to rotate its key.")
    rotate_key()
    return StepEnd(step.do, step.name, Outcome.COMPLETED, "a new key signs")


VERBS: dict[Verb, VerbFunction[AgentState]] = {
    Verb.CONNECT: connect,
    Verb.INSPECT: inspect,
    Verb.ROTATE: rotate,
}


async def run_flow(
    world: AgentWorld,
    label: str,
    flow: str,
    variant: dict[str, str],
    scenario: Scenario | None = None,
) -> FlowResult:
    """Run a legitimate flow, or the changed one of a scenario."""
    state = await make_state(world, label, flow, scenario, variant)
    steps = [Step(verb) for verb in FLOWS[flow]]
    if scenario is not None and scenario.step:
        steps = scenario.step
    try:
        return await Flow(state, VERBS, steps).run()
    finally:
        await end_flow(state, finish)
