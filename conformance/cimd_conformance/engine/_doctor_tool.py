"""What `doctor` says of a tool server that starts. Pure."""

from __future__ import annotations

from cimd_conformance.engine._diagnose_tool import ToolServer
from cimd_conformance.engine._diagnosis import listed
from cimd_conformance.engine._surroundings import Told
from cimd_testbed.core import split_url
from cimd_testbed.net import Contact, Depth


def tell_metadata(told: Told, facts: ToolServer, detail: str) -> None:
    """Tell what the protected resource metadata say (RFC 9728)."""
    document, resource = facts.metadata, facts.view.resource
    if not document:
        told(
            "metadata",
            f"No protected resource metadata were found: {detail}.",
            mend="The scenarios about discovery will fail. If there are some, check "
            "the path in `resource.uri`: they are looked for beside it.",
            fields=("resource.uri",),
        )
        return
    named, servers = document.get("resource"), document.get("authorization_servers")
    what = "\n".join(
        (
            detail.rpartition("; ")[2],
            f"resource: {named}",
            f"authorization_servers: {servers}",
        )
    )
    known = servers if isinstance(servers, list) else []
    mend, fields = "", tuple[str, ...]()
    if named != resource:
        own = split_url(resource).origin
        write = str(named).replace(own, "{origin}")
        mend = (
            f"`resource.uri` is {resource}. If the target is right, write "
            f'`resource.uri = "{write}"`; else tell it its URL in `server.env`.'
        )
        fields = ("resource.uri", "server.env")
    elif facts.issuer not in known:
        mend = (
            f"Its authorization server is to be {facts.issuer} here: pass {{issuer}} "
            "to it in `server.env`."
        )
        fields = ("server.env",)
    told("metadata", what, mend=mend, fields=fields)


def tell_token(told: Told, facts: ToolServer, strays: tuple[Contact, ...]) -> None:
    """Tell that a good token opens a tool, and how the target judged it."""
    path = split_url(facts.issuer).path
    requests = (one.target or "" for one in strays if one.depth is Depth.HTTP)
    asked = sorted({target for target in requests if path in target})
    if asked:
        told("tls", f"It trusts our CA, and asked our issuer for {listed(asked)}.")
    view = facts.view
    scope = f"the scope {view.scope!r}" if view.scope else "no scope"
    effect = f", its effect shows in {view.effect.name!r}" if view.effect else ""
    told(
        "token",
        f"A token for {view.audience} with {scope} opens the tool {view.tool.name!r}"
        f"{effect}; MCP {listed(sorted(view.protocols))}"
        f"{', with sessions' if view.sessions else ''}.",
    )
