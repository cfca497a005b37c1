"""Reads a client metadata document and its keys, and says what is wrong with them.

Rules of its own: what is judged here shares no code with the references.
"""

from cimd_conformance.lint._answer import lint_answer
from cimd_conformance.lint._changes import Consequence, Demand, consequences
from cimd_conformance.lint._document import lint_document
from cimd_conformance.lint._finding import Finding, Wrong, graded
from cimd_conformance.lint._json import Parsed, parse
from cimd_conformance.lint._keys import lint_key_set

__all__ = [
    "Consequence",
    "Demand",
    "Finding",
    "Parsed",
    "Wrong",
    "consequences",
    "graded",
    "lint_answer",
    "lint_document",
    "lint_key_set",
    "parse",
]
