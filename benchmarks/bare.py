"""Replay the exchanges of a run over TLS, with nothing of OAuth and no verdicts.

`python -m benchmarks.bare FILE`: our HTTP client and server in one process, the same
requests of the same sizes, on as many fresh connections.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks._exchanges import Connection
from cimd_certs import Authority
from cimd_testbed.net import (
    EmbeddedNetwork,
    HttpClient,
    Request,
    Response,
    Service,
)

AT_ONCE = 24
"""Connections open at the same time, like the scenarios of the demo."""
ADDRESS = ipaddress.IPv4Address("93.184.216.10")


async def replay(found: list[Connection]) -> None:
    """Send everything once."""
    network, authority = EmbeddedNetwork(), Authority()
    await network.start()
    answers: list[Response] = []
    for exchange in (one for connection in found for one in connection):
        network.zone.point(str(urlsplit(exchange["url"]).hostname), ADDRESS)
        headers = tuple((k, v) for k, v in exchange["response_headers"])
        body = b"x" * exchange["response_body"]
        exchange["headers"].append(["X-Exchange", str(len(answers))])
        answers.append(Response(exchange["status"], headers, body))

    async def handle(request: Request) -> Response:
        return answers[int(request.header("x-exchange") or 0)]

    service = Service(handle, authority.context_for, network.contacts)
    await network.listen_everywhere((443,), service)
    slots = asyncio.Semaphore(AT_ONCE)

    async def send(connection: Connection) -> None:
        dialer, resolver = network.dialer("bare"), network.resolver("bare")
        client = HttpClient(dialer, resolver, authority.trust())
        async with slots:
            for one in connection:
                headers = tuple((k, v) for k, v in one["headers"])
                body = b"x" * one["body"]
                await client.request(one["method"], one["url"], headers, body)
            await client.close()

    async with asyncio.TaskGroup() as group:
        for connection in found:
            group.create_task(send(connection))
    await network.close()


if __name__ == "__main__":
    asyncio.run(replay(json.loads(Path(sys.argv[1]).read_text("utf-8") or "[]")))
