"""An MCP client on FastMCP, with a client metadata document.

FastMCP brings everything that a host needs besides: the callback server, the browser,
where tokens are kept. Nothing is configured but the URL of the document and the port of
the redirect URI. The server's URL is the last argument, the exit code says how it went.

CLIENT_ID     the URL of the client metadata document
REDIRECT_URI  http://127.0.0.1:PORT/callback, which the document lists
PROTOCOL      2025-11-25 or 2026-07-28
CALLS         how often the tool is called (default 1)
PAUSE         seconds between two calls (default 0)
"""

from __future__ import annotations

import asyncio
import os
import sys
from urllib.parse import urlsplit

from fastmcp import Client
from fastmcp.client.auth import OAuth

env = os.environ


async def main(server_url: str) -> None:
    redirect = urlsplit(env["REDIRECT_URI"])
    auth = OAuth(
        client_metadata_url=env["CLIENT_ID"],
        callback_host=redirect.hostname or "",
        callback_port=redirect.port,
        callback_timeout=10,
    )
    mode = "legacy" if env["PROTOCOL"] == "2025-11-25" else env["PROTOCOL"]
    async with Client(server_url, auth=auth, mode=mode) as client:
        for number in range(int(env.get("CALLS", "1"))):
            if number:
                await asyncio.sleep(float(env.get("PAUSE", "0")))
            result = await client.call_tool("whoami", {})
            print(result.content)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
