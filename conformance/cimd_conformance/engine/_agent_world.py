"""The world of a run against an agent host."""

from __future__ import annotations

from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.flows.agent_host import AgentView, AgentWorld, Driver


def agent_world(
    around: Surroundings, view: AgentView, driver: Driver, seconds: float = 15.0
) -> AgentWorld:
    """Make the world of a run against an agent host."""
    return AgentWorld(
        around.network,
        around.parties.web,
        around.authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        ports=around.parties.ports,
        doors=around.parties.doors,
        seconds=seconds,
        agent=view,
        driver=driver,
        certificate_for=around.authority.context_for,
    )
