"""The inner process: reads a job from stdin, writes events to a descriptor.

The line `stop` on stdin ends the run with the results so far; end of file means that
nobody listens any more.
"""

from __future__ import annotations

import contextlib
import os
import sys


def main() -> int:
    """Run one job."""
    events_fd = int(sys.argv[sys.argv.index("--events-fd") + 1])
    line = _first_line()
    adopted = b'"adopted":true' in line
    in_lab = b'"network":"lab"' in line
    if in_lab:
        from cimd_testbed.net import lab  # noqa: PLC0415 - before any thread

        (lab.adopt_lab if adopted else lab.enter_lab)()
    from cimd_conformance.inner import run_inner  # noqa: PLC0415 - after it
    from cimd_conformance.outer import scratch  # noqa: PLC0415 - likewise

    # A lab that is made has memory of its own for files, which ends with it.
    with scratch() if adopted or not in_lab else contextlib.nullcontext():
        return run_inner(line, events_fd)


def _first_line() -> bytes:
    """Read the job, byte by byte: what follows belongs to the control pipe."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


if __name__ == "__main__":
    sys.exit(main())
