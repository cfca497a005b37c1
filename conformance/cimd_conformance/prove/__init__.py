"""The suite proves itself: every flaw is found by the scenarios that are for it."""

from cimd_conformance.prove._command import prove_command_main
from cimd_conformance.prove._coverage import (
    Covered,
    coverage,
    coverage_differences,
    coverage_file,
    proven_requirements,
    read_proven,
    unexamined_file,
    write_proven,
)
from cimd_conformance.prove._known import KnownFlaw, known_flaws
from cimd_conformance.prove._matrix import (
    Matrix,
    differences,
    read_collateral,
    write_collateral,
)

__all__ = [
    "Covered",
    "KnownFlaw",
    "Matrix",
    "coverage",
    "coverage_differences",
    "coverage_file",
    "differences",
    "known_flaws",
    "prove_command_main",
    "proven_requirements",
    "read_collateral",
    "read_proven",
    "unexamined_file",
    "write_collateral",
    "write_proven",
]
