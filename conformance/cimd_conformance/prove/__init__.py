"""The suite proves itself: every flaw is found by the scenarios that are for it."""

from cimd_conformance.prove._command import prove_command_main
from cimd_conformance.prove._known import KnownFlaw, known_flaws
from cimd_conformance.prove._matrix import (
    Matrix,
    differences,
    read_collateral,
    write_collateral,
)

__all__ = [
    "KnownFlaw",
    "Matrix",
    "differences",
    "known_flaws",
    "prove_command_main",
    "read_collateral",
    "write_collateral",
]
