"""A server that runs already: nothing is started, and nothing is placed. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from cimd_conformance.init._draft import Draft
from cimd_conformance.model import InitRequest, Role
from cimd_conformance.target import Login, Server, TargetFile, User


def first_running(request: InitRequest) -> Draft:
    """Return a draft with what the user said."""
    role = Role(request.role or Role.AUTHORIZATION_SERVER.value)
    users = [User(name, password) for name, password in request.users]
    server = Server(issuer=request.url or "{origin}")
    return Draft(TargetFile(1, request.name, role, server, Login(users=users)))


def literal(draft: Draft, origin: str) -> Draft:
    """Return the draft with the origin itself, as none is chosen for each run."""
    told = msgspec.to_builtins(draft.file)
    told.setdefault("server", {}).setdefault("issuer", "{origin}")
    if draft.file.resource.uri == "{resource}":
        told.setdefault("resource", {})["uri"] = "{origin}/mcp"
    file = msgspec.convert(_put(told, origin), TargetFile)
    return Draft(file, draft.remarks)


def _put(value: Any, origin: str) -> Any:
    match value:
        case str():
            return value.replace("{origin}", origin)
        case dict():
            return {key: _put(item, origin) for key, item in value.items()}
        case list():
            return [_put(item, origin) for item in value]
        case _:
            return value
