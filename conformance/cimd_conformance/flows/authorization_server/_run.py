"""Run one flow of an authorization server, from fresh identities to its end."""

from __future__ import annotations

from cimd_conformance.flows._flow import Flow, FlowResult, end_flow
from cimd_conformance.flows.authorization_server._state import finish, make_state
from cimd_conformance.flows.authorization_server._verbs import FLOWS, VERBS
from cimd_conformance.flows.authorization_server._world import AsWorld
from cimd_conformance.model import Scenario, Step


async def run_flow(
    world: AsWorld,
    label: str,
    flow: str,
    variant: dict[str, str],
    scenario: Scenario | None = None,
) -> FlowResult:
    """Run a legitimate flow, or the changed one of a scenario."""
    target = world.view(flow)
    state = await make_state(world, target, label, scenario, variant)
    steps = [Step(verb) for verb in FLOWS[flow]]
    if scenario is not None and scenario.step:
        steps = scenario.step
    try:
        return await Flow(state, VERBS, steps).run()
    finally:
        await end_flow(state, finish)
