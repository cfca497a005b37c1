"""The conformance suite: scenarios, the engine that runs them, reports, and the CLI."""

__version__ = "0.1.0"
