"""The engine: runs a plan of scenarios against a target and emits events.

`python -m cimd_conformance.engine` is the inner process of a run.
"""
