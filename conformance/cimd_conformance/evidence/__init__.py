"""Evidence: captured on our own side, attributed to scenarios, redacted."""

from cimd_conformance.evidence._evidence import (
    Claim,
    Evidence,
    ExchangeRecord,
    Seen,
    reached,
)
from cimd_conformance.evidence._output import OutputRedactor
from cimd_conformance.evidence._redact import Redactor, looks_opaque

__all__ = [
    "Claim",
    "Evidence",
    "ExchangeRecord",
    "OutputRedactor",
    "Redactor",
    "Seen",
    "looks_opaque",
    "reached",
]
