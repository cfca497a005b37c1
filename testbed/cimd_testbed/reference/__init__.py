"""The honest implementations, written to be read; every defence is a named check."""

from cimd_testbed.reference._jose import (
    assertion_signature,
    sign_jwt,
    signature_matches,
    token_signature,
)
from cimd_testbed.reference._recording import Sink, recording

__all__ = [
    "Sink",
    "assertion_signature",
    "recording",
    "sign_jwt",
    "signature_matches",
    "token_signature",
]
