"""The engine: runs a plan of scenarios against a target and emits events.

`python -m cimd_conformance.engine` is the inner process of a run.
"""

from cimd_conformance.engine._embedded import (
    Surroundings,
    current_scenario,
    start_embedded,
)
from cimd_conformance.engine._engine import Engine
from cimd_conformance.engine._inner import open_network, select
from cimd_conformance.engine._lease import ScenarioLeases

__all__ = [
    "Engine",
    "ScenarioLeases",
    "Surroundings",
    "current_scenario",
    "open_network",
    "select",
    "start_embedded",
]
