"""A reference testbed for Client ID Metadata Documents and MCP authorization."""

from cimd_testbed._testbed import DocumentHost, Ports, Testbed, Trust

__all__ = ["DocumentHost", "Ports", "Testbed", "Trust"]
