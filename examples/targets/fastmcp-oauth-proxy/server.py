"""A FastMCP server behind FastMCP's OAuth proxy, with CIMD as shipped.

Nothing about CIMD is configured: `enable_cimd`, the SSRF guard, the consent page,
PKCE towards the upstream and the redirect URI rules are FastMCP's own defaults.

PUBLIC_URL          public https origin; a TLS front forwards it to 127.0.0.1:$PORT
PORT                local plain HTTP port
UPSTREAM_AUTHORIZE  the upstream's authorization endpoint (the browser goes there)
UPSTREAM_TOKEN      the upstream's token endpoint
UPSTREAM_JWKS       the upstream's key set: its access tokens are checked against it
UPSTREAM_ISSUER     `iss` of its access tokens
UPSTREAM_ALG        the one algorithm of its access tokens (default ES256)
UPSTREAM_AUDIENCE   `aud` of its access tokens (default: not checked)
UPSTREAM_CLIENT_ID, UPSTREAM_CLIENT_SECRET
                    the proxy's own registration at the upstream (HTTP Basic)
REQUIRED_SCOPES     needed for every call (default "mcp:read")
OPTIONAL_SCOPES     offered besides (default "mcp:write")
FASTMCP_HOME        where the proxy keeps its encrypted state (default: a temporary
                    directory, removed at exit, so that a restart forgets everything)
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile

# FastMCP reads it on import. Otherwise the state outlives the run in the user's home.
if "FASTMCP_HOME" not in os.environ:
    home = tempfile.TemporaryDirectory(prefix="fastmcp-oauth-proxy-")
    os.environ["FASTMCP_HOME"] = home.name

from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy
from fastmcp.server.auth.providers.jwt import JWTVerifier

env = os.environ
public_url = env["PUBLIC_URL"].rstrip("/")
required = env.get("REQUIRED_SCOPES", "mcp:read").split()
optional = env.get("OPTIONAL_SCOPES", "mcp:write").split()

auth = OAuthProxy(
    upstream_authorization_endpoint=env["UPSTREAM_AUTHORIZE"],
    upstream_token_endpoint=env["UPSTREAM_TOKEN"],
    upstream_client_id=env.get("UPSTREAM_CLIENT_ID", "fastmcp-proxy"),
    upstream_client_secret=env.get(
        "UPSTREAM_CLIENT_SECRET", "fastmcp-proxy-upstream-secret"
    ),
    token_verifier=JWTVerifier(
        jwks_uri=env["UPSTREAM_JWKS"],
        issuer=env["UPSTREAM_ISSUER"],
        audience=env.get("UPSTREAM_AUDIENCE"),
        algorithm=env.get("UPSTREAM_ALG", "ES256"),
        required_scopes=required,
    ),
    base_url=public_url,
    valid_scopes=[*required, *optional],
)

mcp = FastMCP("CIMD conformance target", auth=auth)


@mcp.tool
def echo(text: str) -> str:
    """Say it back."""
    return text


if __name__ == "__main__":
    # uvicorn raises the signal again after its shutdown: leave in order then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    mcp.run(
        transport="http", host="127.0.0.1", port=int(env["PORT"]), show_banner=False
    )
