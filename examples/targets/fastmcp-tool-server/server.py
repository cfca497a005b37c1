"""A FastMCP server that verifies tokens: JWTs by its issuer's keys, or any by asking.

PUBLIC_URL  public https origin; a TLS front forwards it to 127.0.0.1:$PORT
PORT        local plain HTTP port
RESOURCE    the resource identifier: where the MCP endpoint is
ISSUER      the issuer that is trusted
JWKS_URI    its keys (`JWTVerifier`)
INTROSPECTION_URL, INTROSPECTION_CLIENT, INTROSPECTION_SECRET
            where to ask instead (`IntrospectionTokenVerifier`)
UPSTREAM_API  an API that one of the tools asks
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.request

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, require_scopes
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from pydantic import AnyHttpUrl

env = os.environ
verifier: JWTVerifier | IntrospectionTokenVerifier
if "INTROSPECTION_URL" in env:
    verifier = IntrospectionTokenVerifier(
        introspection_url=env["INTROSPECTION_URL"],
        client_id=env["INTROSPECTION_CLIENT"],
        client_secret=env["INTROSPECTION_SECRET"],
        audience=env["RESOURCE"],
        required_scopes=["mcp:read"],
    )
else:
    verifier = JWTVerifier(
        jwks_uri=env["JWKS_URI"],
        issuer=env["ISSUER"],
        audience=env["RESOURCE"],
        algorithm="ES256",
        required_scopes=["mcp:read"],
    )
auth = RemoteAuthProvider(
    token_verifier=verifier,
    authorization_servers=[AnyHttpUrl(env["ISSUER"])],
    base_url=env["PUBLIC_URL"],
    scopes_supported=["mcp:read", "mcp:write"],
)
mcp = FastMCP("CIMD conformance target", auth=auth)
notes: list[str] = []


@mcp.tool(auth=require_scopes("mcp:write"))
def write_note(text: str) -> str:
    """Write a note."""
    notes.append(text)
    return f"{len(notes)} notes"


@mcp.tool
def read_notes() -> str:
    """Read all notes."""
    return "\n".join(notes)


@mcp.tool
async def ask_upstream() -> str:
    """Ask the API behind this server, without any token of a caller."""
    url = f"{env['UPSTREAM_API']}/status"
    answer = await asyncio.to_thread(urllib.request.urlopen, url)
    return f"HTTP {answer.status}"


if __name__ == "__main__":
    # uvicorn raises the signal again after its shutdown: leave in order then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    mcp.run(
        transport="http", host="127.0.0.1", port=int(env["PORT"]), show_banner=False
    )
