"""The command `init`: from a start command to a target file that works."""

from cimd_conformance.init._command import run_init

__all__ = ["run_init"]
