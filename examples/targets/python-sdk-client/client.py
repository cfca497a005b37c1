"""An MCP client on the Python SDK, with a client metadata document.

Nothing is configured but what every client has to: the URL of the document, a redirect
URI on loopback, the system's browser. The contract is that of the official conformance
suite: the server's URL is the last argument, the exit code says how it went.

CLIENT_ID     the URL of the client metadata document
REDIRECT_URI  a loopback URL that the document lists
PROTOCOL      2025-11-25 or 2026-07-28
CALLS         how often the tool is called (default 1)
PAUSE         seconds between two calls (default 0)
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

env = os.environ


class Memory:
    """Keeps tokens and registration as long as the process lives."""

    tokens: OAuthToken | None = None
    client_info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client_info = client_info


class Callbacks:
    """The redirect URI: hands each response to whoever waits for one."""

    def __init__(self, redirect_uri: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.responses: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        parts = urlsplit(redirect_uri)
        callbacks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                self.send_response(200 if asked.path == parts.path else 404)
                self.end_headers()
                self.wfile.write(b"You can close this window.\n")
                if asked.path == parts.path:
                    callbacks.loop.call_soon_threadsafe(
                        callbacks.responses.put_nowait, dict(parse_qsl(asked.query))
                    )

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((parts.hostname, parts.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    async def next(self) -> AuthorizationCodeResult:
        params = await self.responses.get()
        return AuthorizationCodeResult(
            code=params.get("code", ""),
            state=params.get("state"),
            iss=params.get("iss"),
        )


async def open_browser(url: str) -> None:
    await asyncio.to_thread(webbrowser.open, url)


async def main(server_url: str) -> None:
    callbacks = Callbacks(env["REDIRECT_URI"])
    auth = OAuthClientProvider(
        server_url,
        OAuthClientMetadata(
            client_name="Conformance Agent", redirect_uris=[env["REDIRECT_URI"]]
        ),
        Memory(),
        redirect_handler=open_browser,
        callback_handler=callbacks.next,
        client_metadata_url=env["CLIENT_ID"],
    )
    mode = "legacy" if env["PROTOCOL"] == "2025-11-25" else env["PROTOCOL"]
    async with httpx2.AsyncClient(auth=auth, timeout=10) as http:
        transport = streamable_http_client(server_url, http_client=http)
        async with Client(transport, mode=mode) as client:
            for number in range(int(env.get("CALLS", "1"))):
                if number:
                    await asyncio.sleep(float(env.get("PAUSE", "0")))
                result = await client.call_tool("whoami", {})
                print(result.content)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
