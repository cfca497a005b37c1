"""The JSON Schemas of what the suite writes: `result`, `event` and `list`."""

from cimd_conformance.reports.schemas._load import NAMES, load_schema

__all__ = ["NAMES", "load_schema"]
