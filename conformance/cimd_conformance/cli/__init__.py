"""The command line: one module per command, loaded when it is asked for."""

from cimd_conformance.cli._main import cli, run_cli

__all__ = ["cli", "run_cli"]
