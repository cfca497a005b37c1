"""Run one flow of a tool server, from fresh clients to its end."""

from __future__ import annotations

from cimd_conformance.flows._flow import Flow, FlowResult, end_flow
from cimd_conformance.flows.tool_server._state import finish, make_state
from cimd_conformance.flows.tool_server._verbs import FLOWS, VERBS
from cimd_conformance.flows.tool_server._world import MODERN, ToolWorld
from cimd_conformance.model import Scenario, Step, Verb


async def run_flow(
    world: ToolWorld,
    label: str,
    flow: str,
    variant: dict[str, str],
    scenario: Scenario | None = None,
) -> FlowResult:
    """Run a legitimate flow, or the changed one of a scenario."""
    state = await make_state(world, label, scenario, variant)
    steps = [Step(verb) for verb in _verbs(flow, state.protocol)]
    if scenario is not None and scenario.step:
        steps = scenario.step
    try:
        return await Flow(state, VERBS, steps).run()
    finally:
        await end_flow(state, finish)


def _verbs(flow: str, protocol: str) -> list[Verb]:
    """Return the verbs of a flow; without sessions there is nothing to begin with."""
    verbs = list(FLOWS[flow])
    if protocol == MODERN and len(verbs) > 1:
        verbs.remove(Verb.CONNECT)
    return verbs
