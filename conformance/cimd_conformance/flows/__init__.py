"""Flows: legitimate exchanges with named messages, in which one thing is changed.

Here is what all roles share; each role under test has a package of its own.
"""

from cimd_conformance.flows._edit import (
    Params,
    changes_of,
    edit_params,
    edit_tree,
    to_json,
    whole,
)
from cimd_conformance.flows._flow import (
    Flow,
    FlowResult,
    FlowState,
    StepEnd,
    VerbFunction,
    end_flow,
)
from cimd_conformance.flows._json import read_json
from cimd_conformance.flows._world import Advance, Kept, Site, World

__all__ = [
    "Advance",
    "Flow",
    "FlowResult",
    "FlowState",
    "Kept",
    "Params",
    "Site",
    "StepEnd",
    "VerbFunction",
    "World",
    "changes_of",
    "edit_params",
    "edit_tree",
    "end_flow",
    "read_json",
    "to_json",
    "whole",
]
