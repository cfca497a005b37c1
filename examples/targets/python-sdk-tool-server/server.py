"""An MCP server on the Python SDK: tokens are JWTs, verified by the issuer's keys.

The SDK asks a `TokenVerifier` about each token; the one here does with PyJWT what its
documentation shows: signature, algorithm, issuer, required claims. Audience, scope and
expiry are checked by the SDK itself (`AuthSettings`).

PUBLIC_URL  public https origin; a TLS front forwards it to 127.0.0.1:$PORT
PORT        local plain HTTP port
RESOURCE    the resource identifier: where the MCP endpoint is
ISSUER      the issuer that is trusted
JWKS_URI    its keys
UPSTREAM_API  an API that one of the tools asks
"""

from __future__ import annotations

import asyncio
import os
import urllib.request

import jwt
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

env = os.environ
host = env["PUBLIC_URL"].partition("://")[2]


class JwtVerifier:
    """Verifies JWTs with the keys that the issuer publishes."""

    def __init__(self) -> None:
        self.keys = jwt.PyJWKClient(env["JWKS_URI"])

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what a good token says, None for any other."""
        try:
            claims = await asyncio.to_thread(self._decode, token)
        except (jwt.PyJWTError, ValueError):
            return None
        match claims["aud"]:
            case str(audience) | [str(audience), *_]:
                pass
            case _:
                return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            subject=claims["sub"],
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=audience,
            claims=claims,
        )

    def _decode(self, token: str) -> dict[str, object]:
        key = self.keys.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key.key,
            algorithms=["ES256"],
            issuer=env["ISSUER"],
            options={
                "require": ["exp", "iss", "aud", "sub", "client_id"],
                "verify_aud": False,  # the SDK compares AccessToken.resource
            },
        )


mcp = MCPServer(
    "CIMD conformance target",
    token_verifier=JwtVerifier(),
    auth=AuthSettings(
        issuer_url=AnyHttpUrl(env["ISSUER"]),
        resource_server_url=AnyHttpUrl(env["RESOURCE"]),
        required_scopes=["mcp:read", "mcp:write"],
        validate_token_resource=True,
    ),
)
notes: list[str] = []


@mcp.tool()
def write_note(text: str) -> str:
    """Write a note."""
    notes.append(text)
    return f"{len(notes)} notes"


@mcp.tool()
def read_notes() -> str:
    """Read all notes."""
    return "\n".join(notes)


@mcp.tool()
async def ask_upstream() -> str:
    """Ask the API behind this server, without any token of a caller."""
    url = f"{env['UPSTREAM_API']}/status"
    answer = await asyncio.to_thread(urllib.request.urlopen, url)
    return f"HTTP {answer.status}"


if __name__ == "__main__":
    security = TransportSecuritySettings(
        allowed_hosts=[host], allowed_origins=[env["PUBLIC_URL"]]
    )
    app = mcp.streamable_http_app(transport_security=security)
    uvicorn.run(app, host="127.0.0.1", port=int(env["PORT"]), log_level="warning")
