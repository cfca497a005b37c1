"""The OAuth client of the `mcp` SDK, as shipped; runs in a venv of its own.

    client.py SERVER_URL CLIENT_METADATA_URL REDIRECT_URI auto|legacy

Writes `authorize URL` to stdout when a person is wanted, and reads from stdin where the
browser was sent. Then lists the tools, calls `whoami`, and writes one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata


class Memory:
    """Keeps tokens for as long as the process lives."""

    tokens: Any = None
    client_info: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.client_info

    async def set_client_info(self, client_info: Any) -> None:
        self.client_info = client_info


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def open_browser(url: str) -> None:
    say(f"authorize {url}")


async def wait_for_callback() -> AuthorizationCodeResult:
    line = await asyncio.to_thread(sys.stdin.readline)
    query = parse_qs(urlsplit(line.strip()).query)
    found = {name: query[name][0] for name in ("code", "state", "iss") if name in query}
    return AuthorizationCodeResult(**found)


async def main(server: str, document_url: str, redirect_uri: str, mode: str) -> None:
    memory = Memory()
    provider = OAuthClientProvider(
        server_url=server,
        client_metadata=OAuthClientMetadata(
            client_name="mcp SDK", redirect_uris=[redirect_uri]
        ),
        storage=memory,
        redirect_handler=open_browser,
        callback_handler=wait_for_callback,
        client_metadata_url=document_url,
    )
    async with create_mcp_http_client(auth=provider) as http:
        transport = streamable_http_client(server, http_client=http)
        async with Client(transport, mode=mode) as client:
            tools = await client.list_tools()
            called = await client.call_tool("whoami", {})
            wrote = await client.call_tool("sign_guest_book", {"text": "I was here."})
            about = {
                "protocol": client.session.protocol_version,
                "tools": [tool.name for tool in tools.tools],
                "whoami": called.structured_content,
                "signed": wrote.structured_content,
                "scope": memory.tokens.scope,
            }
    say(json.dumps(about))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
