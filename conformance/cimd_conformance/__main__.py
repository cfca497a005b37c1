"""`python -m cimd_conformance`, and the entry point of the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from cimd_conformance.cli import run_cli  # noqa: PLC0415 - start quickly

    sys.exit(run_cli())


if __name__ == "__main__":
    main()
