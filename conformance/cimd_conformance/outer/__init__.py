"""The outer process: starts the inner one, reads its events, feeds the writers.

The contract between the two processes:

- The inner process is `python -m cimd_conformance.inner --events-fd N`, in a session
  of its own, so that Ctrl-C reaches only the outer process.
- Its stdin carries the `Job` as one line of JSON and then stays open as the control
  pipe: the line `stop` asks for a graceful end with the results so far, end of file
  means that nobody listens any more.
- It writes each event as one line of JSON to the descriptor N; `RunFinished` is last.
- An error that ends the run (a wrong scenario file, a target that does not start) is
  `RunFinished.details["error"] = {"code", "message", "hint"}` with the `exit_code` of
  its class; `RunStarted` may be missing then.
- The last word on the verdict is the outer process's: it knows who stopped the run.
"""

from cimd_conformance.outer._launch import inner_argv
from cimd_conformance.outer._process import InnerProcess
from cimd_conformance.outer._run import RunEnd, run_job
from cimd_conformance.outer._scratch import scratch
from cimd_conformance.outer._signals import StopSignals

__all__ = [
    "InnerProcess",
    "RunEnd",
    "StopSignals",
    "inner_argv",
    "run_job",
    "scratch",
]
