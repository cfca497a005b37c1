"""The engine: runs a plan of scenarios against a target and emits events.

It runs in the inner process (`cimd_conformance.inner`).
"""

from cimd_conformance.engine._engine import Engine
from cimd_conformance.engine._labels import current_scenario
from cimd_conformance.engine._open import open_surroundings, powers_of
from cimd_conformance.engine._roles import KITS, roles_of
from cimd_conformance.engine._run import run_job, select

__all__ = [
    "KITS",
    "Engine",
    "current_scenario",
    "open_surroundings",
    "powers_of",
    "roles_of",
    "run_job",
    "select",
]
