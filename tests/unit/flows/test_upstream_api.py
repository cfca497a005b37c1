"""The API behind a tool server sees a token wherever it is put."""

from __future__ import annotations

import asyncio
import ipaddress

import pytest

from cimd_testbed.net import Arrival, Request
from cimd_testbed.parties import Gate, UpstreamApi, Web

TOKEN = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl"


HERE = ipaddress.ip_address("127.0.0.1")


def request(
    target: str = "/", headers: dict[str, str] | None = None, body: bytes = b""
) -> Request:
    pairs = (("Host", "api.example"), *(headers or {}).items())
    return Request("GET", target, pairs, body, Arrival(HERE, 443, HERE))


@pytest.mark.parametrize(
    ("seen", "there"),
    [
        (request(), False),
        (request(headers={"Authorization": "Bearer its-own"}), False),
        (request(headers={"Authorization": f"Bearer {TOKEN}"}), True),
        (request(headers={"X-Token": TOKEN}), True),
        (request(f"/?access_token={TOKEN}"), True),
        (request(body=f"token={TOKEN}".encode()), True),
    ],
)
async def test_a_token_is_seen(seen: Request, there: bool) -> None:
    web, api = Web(), UpstreamApi("https://api.example")
    api.open(web)
    assert (await web.handle(seen)).status == 200
    assert api.asked == 1
    assert api.has_seen(TOKEN) is there


async def test_a_gate_lets_requests_go_on_one_by_one() -> None:
    api = UpstreamApi("https://api.example", gate=Gate())
    assert api.gate is not None
    first = asyncio.create_task(api.answer(request()))
    await api.gate.until(1)
    second = asyncio.create_task(api.answer(request()))
    await api.gate.until(2)
    api.gate.release_first()
    assert (await first).status == 200
    assert not second.done()
    assert (await api.answer(request())).status == 200
    api.gate.release()
    assert (await second).status == 200
