"""The reference MCP tool server: a protected resource with three tools.

Read `_checks` first: every defence is one field there. `_server` routes requests,
`_authorize` and `_tokens` decide who may do what, `_messages` and `_tools` do it.
"""

from cimd_testbed.reference._recording import Sink, recording
from cimd_testbed.reference.tool_server._checks import ToolServerChecks
from cimd_testbed.reference.tool_server._server import ToolServer
from cimd_testbed.reference.tool_server._settings import ToolServerSettings

__all__ = ["Sink", "ToolServer", "ToolServerChecks", "ToolServerSettings", "recording"]
