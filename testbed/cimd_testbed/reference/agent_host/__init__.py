"""The reference agent host: an MCP client that publishes its own document and keys.

Read `_host.py` first, then follow one call: `_discovery`, `_authorization`, `_tokens`.
"""

from cimd_testbed.reference._recording import Sink, recording
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._errors import Stopped
from cimd_testbed.reference.agent_host._host import AgentHost
from cimd_testbed.reference.agent_host._settings import AgentHostSettings

__all__ = [
    "AgentHost",
    "AgentHostChecks",
    "AgentHostSettings",
    "Sink",
    "Stopped",
    "recording",
]
