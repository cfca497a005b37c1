"""The person at the browser, for tests: logs in, approves, goes where they are sent."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from cimd_testbed.net import HttpClient, LoopbackNetwork
from cimd_testbed.parties import Browser, Credentials


def play_person(url: str, user_and_password: str, ca_file: Path) -> None:
    asyncio.run(_play(url, user_and_password, ca_file))


async def _play(url: str, user_and_password: str, ca_file: Path) -> None:
    network = LoopbackNetwork()
    trust = ssl.create_default_context(cafile=ca_file)
    http = HttpClient(network.dialer("person"), network.resolver("person"), trust)
    name, _, password = user_and_password.partition(":")
    parts = urlsplit(url)
    known = frozenset({f"{parts.scheme}://{parts.netloc}"})
    browser = Browser(http, Credentials(name, password), known, lambda *_exchange: None)
    landing = await browser.visit(url)
    if landing.location is not None:
        await http.request("GET", landing.location)
    elif landing.page is not None:
        print(f"The person is stuck on a page:\n{landing.page.text}", flush=True)
    await http.close()
