"""The inner process of a run: `python -m cimd_conformance.inner --events-fd N`."""

from cimd_conformance.inner._stream import Out, run_inner, watch_control

__all__ = ["Out", "run_inner", "watch_control"]
