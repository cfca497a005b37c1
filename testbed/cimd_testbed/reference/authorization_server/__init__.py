"""The reference authorization server.

Read `_checks` first: every defence is one field there. `_server` routes requests,
`_authorize` and `_interaction` end in a code, by way of `_provider` where others log
people in; `_token` turns it into tokens, `_documents` and `_fetch` get what clients
publish.
"""

from cimd_testbed.reference._recording import Sink, recording
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._server import AuthorizationServer
from cimd_testbed.reference.authorization_server._settings import (
    EnvironmentProxy,
    FetchLimits,
    Lifetimes,
    Provider,
    RegisteredClient,
    Resource,
    Settings,
)

__all__ = [
    "AuthorizationServer",
    "Checks",
    "EnvironmentProxy",
    "FetchLimits",
    "Lifetimes",
    "Provider",
    "RegisteredClient",
    "Resource",
    "Settings",
    "Sink",
    "recording",
]
