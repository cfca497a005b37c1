"""Targets: what `target.toml` says, and how the implementation gets installed."""

from cimd_conformance.target._load import (
    PLACEHOLDERS,
    cache_dir,
    load_target,
    prepare_target,
)
from cimd_conformance.target._model import (
    ACCOMMODATIONS,
    Accommodation,
    Called,
    Client,
    Limits,
    Login,
    Resource,
    Server,
    Service,
    TargetFile,
    Tokens,
    Tool,
    User,
)
from cimd_conformance.target._places import field_places
from cimd_conformance.target._schema import target_schema
from cimd_conformance.target._secrets import secrets_of

__all__ = [
    "ACCOMMODATIONS",
    "PLACEHOLDERS",
    "Accommodation",
    "Called",
    "Client",
    "Limits",
    "Login",
    "Resource",
    "Server",
    "Service",
    "TargetFile",
    "Tokens",
    "Tool",
    "User",
    "cache_dir",
    "field_places",
    "load_target",
    "prepare_target",
    "secrets_of",
    "target_schema",
]
