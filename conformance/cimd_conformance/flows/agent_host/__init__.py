"""The flows of an agent host under test: what its servers and its browser see."""

from cimd_conformance.flows.agent_host._errand import (
    Driver,
    Ended,
    Ending,
    Errand,
)
from cimd_conformance.flows.agent_host._run import FLOWS, VERBS, run_flow
from cimd_conformance.flows.agent_host._world import AgentView, AgentWorld

__all__ = [
    "FLOWS",
    "VERBS",
    "AgentView",
    "AgentWorld",
    "Driver",
    "Ended",
    "Ending",
    "Errand",
    "run_flow",
]
