"""What it takes to start an external target by hand, as `init` does.

A module of its own, as most runs need none of it, and it is slow to import.
"""

from cimd_conformance.engine._diagnosis import DiagnosedError, Diagnosis
from cimd_conformance.engine._life import start_process
from cimd_conformance.engine._open import open_surroundings
from cimd_conformance.engine._process import (
    HOST,
    Placed,
    demand_local,
    free_port,
    place,
)
from cimd_conformance.engine._roles import KITS
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget, metadata_urls
from cimd_conformance.engine._tool_world import open_issuer

__all__ = [
    "HOST",
    "KITS",
    "DiagnosedError",
    "Diagnosis",
    "Placed",
    "RunningTarget",
    "Surroundings",
    "demand_local",
    "free_port",
    "metadata_urls",
    "open_issuer",
    "open_surroundings",
    "place",
    "start_process",
]
