"""The flows of a tool server under test: an MCP server as a protected resource."""

from cimd_conformance.flows.tool_server._probe import Tried, list_calls, probe
from cimd_conformance.flows.tool_server._run import run_flow
from cimd_conformance.flows.tool_server._verbs import FLOWS, VERBS
from cimd_conformance.flows.tool_server._world import (
    LEGACY,
    MODERN,
    ToolCall,
    ToolView,
    ToolWorld,
)

__all__ = [
    "FLOWS",
    "LEGACY",
    "MODERN",
    "VERBS",
    "ToolCall",
    "ToolView",
    "ToolWorld",
    "Tried",
    "list_calls",
    "probe",
    "run_flow",
]
