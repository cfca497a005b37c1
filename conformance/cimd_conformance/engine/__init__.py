"""The engine: runs a plan of scenarios against a target and emits events.

`python -m cimd_conformance.engine` is the inner process of a run.
"""

from cimd_conformance.engine._engine import Engine
from cimd_conformance.engine._inner import open_surroundings, select
from cimd_conformance.engine._labels import current_scenario
from cimd_conformance.engine._roles import KITS, roles_of

__all__ = [
    "KITS",
    "Engine",
    "current_scenario",
    "open_surroundings",
    "roles_of",
    "select",
]
