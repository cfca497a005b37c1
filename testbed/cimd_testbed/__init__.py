"""A reference testbed for Client ID Metadata Documents and MCP authorization.

Names are loaded when they are first used: pytest imports this package for the plugin
in every run of its users, who must not pay for servers that they do not start.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from cimd_testbed._testbed import DocumentHost, Ports, Testbed, Trust
    from cimd_testbed._threaded import ThreadedTestbed

__all__ = ["DocumentHost", "Ports", "Testbed", "ThreadedTestbed", "Trust"]

_MODULES = dict.fromkeys(__all__, "_testbed") | {"ThreadedTestbed": "_threaded"}


def __getattr__(name: str) -> typing.Any:
    """Load a public name (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    value = globals()[name] = getattr(module, name)
    return value
