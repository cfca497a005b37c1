"""Flows: legitimate exchanges with named messages, in which one thing is changed."""

from cimd_conformance.flows._flow import (
    FLOWS,
    Flow,
    FlowResult,
    FlowState,
    StepEnd,
    finish,
    make_state,
)
from cimd_conformance.flows._run import run_flow
from cimd_conformance.flows._verbs import VERBS
from cimd_conformance.flows._world import Site, TargetView, World

__all__ = [
    "FLOWS",
    "VERBS",
    "Flow",
    "FlowResult",
    "FlowState",
    "Site",
    "StepEnd",
    "TargetView",
    "World",
    "finish",
    "make_state",
    "run_flow",
]
