"""The reference MCP tool server: a protected resource with one tool, `whoami`."""

from cimd_testbed.reference._recording import Sink, recording
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._server import ToolServer
from cimd_testbed.reference.tool_server._settings import ToolServerSettings

__all__ = ["Sink", "ToolServer", "ToolServerChecks", "ToolServerSettings", "recording"]
