"""Slow and endless answers: who ended them, after how long, is known on our side."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from cimd_certs import Authority
from cimd_testbed.core import ShiftedClock
from cimd_testbed.net import (
    EmbeddedNetwork,
    HttpClient,
    HttpError,
    Limits,
    Request,
    Response,
    Service,
    ShiftedTimeouts,
    Stream,
)
from cimd_testbed.parties import (
    Delivery,
    Doors,
    Ending,
    MovedPace,
    Piece,
    compressed,
    deliver,
    endless_body,
    endless_head,
    in_chunks,
    silence,
    slow_body,
    slow_head,
)

ADDRESS = ipaddress.ip_address("93.184.216.7")
HOST = "slow.cimd-hosts.net"
ANSWER = Response(200, (("Content-Type", "application/json"),), b'{"a": 1}')


class Host:
    """A host that gives one kind of answer, in time that is moved."""

    def __init__(self, pieces: Callable[[], Iterator[Piece]], patience: float) -> None:
        self.clock = ShiftedClock()
        self.delivery = Delivery()
        self.begun = asyncio.Event()
        self.pieces, self.patience = pieces, patience
        self.client: HttpClient

    async def _handle(self, request: Request) -> Response:
        del request
        return Response(200, take_over=self.take_over)

    async def take_over(self, stream: Stream) -> None:
        self.begun.set()
        pace = MovedPace(self.clock.now, self.clock.advance)
        await deliver(stream, self.pieces(), self.delivery, pace, self.patience)

    @asynccontextmanager
    async def open(self, body: int = 1000) -> AsyncIterator[HttpClient]:
        network, doors = EmbeddedNetwork(), Doors(Authority())
        network.zone.point(HOST, ADDRESS)
        await network.start()
        certificate_for = doors.certificate_for
        service = Service(
            self._handle, certificate_for, network.contacts, door=doors.door
        )
        await network.listen(ADDRESS, 443, service)
        self.doors = doors
        client = HttpClient(
            network.dialer(None),
            network.resolver(None),
            doors.authority.trust(),
            Limits(body=body),
        )
        try:
            yield client
        finally:
            await client.close()
            await network.close()


async def fetch_within(host: Host, client: HttpClient, seconds: float) -> Response:
    """Fetch as a target with a time limit does."""
    async with ShiftedTimeouts(host.clock).limit(seconds):
        return await client.request("GET", f"https://{HOST}/")


@pytest.mark.parametrize("pieces", [lambda: slow_body(ANSWER), silence])
async def test_a_peer_that_gives_up_ended_it(
    pieces: Callable[[], Iterator[Piece]],
) -> None:
    host = Host(pieces, 40.0)
    async with host.open() as client:
        with pytest.raises(TimeoutError):
            await fetch_within(host, client, 2.0)
        await host.delivery.settle(5.0)
    assert host.delivery.ended is Ending.BY_TARGET
    assert 2.0 <= host.delivery.seconds < 30.0


@pytest.mark.parametrize("pieces", [lambda: slow_head(ANSWER), silence])
async def test_with_a_patient_peer_our_own_patience_ends_it(
    pieces: Callable[[], Iterator[Piece]],
) -> None:
    host = Host(pieces, 40.0)
    async with host.open() as client:
        with pytest.raises(HttpError):
            await fetch_within(host, client, 3600.0)
    assert host.delivery.ended is Ending.BY_US
    assert host.delivery.seconds >= 40.0


async def test_what_is_all_sent_is_complete() -> None:
    host = Host(lambda: slow_body(ANSWER), 40.0)
    async with host.open() as client:
        response = await fetch_within(host, client, 3600.0)
        await host.delivery.settle(5.0)
    assert response.body == ANSWER.body
    assert host.delivery.ended is Ending.COMPLETE
    assert host.delivery.seconds == pytest.approx(4.0, abs=1.0)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_peer_that_stops_at_its_cap_takes_little(chunked: bool) -> None:
    host = Host(lambda: endless_body(ANSWER, chunked=chunked), 40.0)
    async with host.open() as client:
        response = await client.request("GET", f"https://{HOST}/")
        assert response.truncated
        assert response.body.startswith(b'{"a": 1, "padding": "xxx')
        await host.delivery.settle(5.0)
    assert host.delivery.ended is Ending.BY_TARGET
    assert host.delivery.sent < 8 << 20


async def test_a_peer_without_a_cap_takes_all_that_we_give() -> None:
    host = Host(lambda: endless_body(ANSWER, chunked=False), 40.0)
    async with host.open(body=1 << 30) as client:
        response = await client.request("GET", f"https://{HOST}/")
    assert len(response.body) >= 8 << 20
    assert host.delivery.ended is Ending.BY_US


async def test_headers_without_an_end_are_ended_by_the_peer() -> None:
    host = Host(lambda: endless_head(ANSWER), 40.0)
    async with host.open() as client:
        with pytest.raises(HttpError):
            await client.request("GET", f"https://{HOST}/")
        await host.delivery.settle(5.0)
    assert host.delivery.ended is Ending.BY_TARGET


async def test_a_host_that_says_nothing_not_even_in_tls() -> None:
    host = Host(silence, 40.0)
    async with host.open() as client:
        host.doors.spoil(HOST, ADDRESS, "silent", host.take_over)
        with pytest.raises(TimeoutError):
            await fetch_within(host, client, 2.0)
        await host.delivery.settle(5.0)
    assert host.delivery.ended is Ending.BY_TARGET


async def test_an_answer_that_nobody_waits_for_is_abandoned() -> None:
    host = Host(silence, 1e9)
    async with host.open() as client:
        asking = asyncio.ensure_future(client.request("GET", f"https://{HOST}/"))
        await host.begun.wait()
        await host.delivery.settle(0.01)
        await asyncio.gather(asking, return_exceptions=True)
    assert host.delivery.ended is Ending.ABANDONED


async def test_an_answer_that_never_began_does_not_hold_anybody() -> None:
    delivery = Delivery()
    await delivery.settle(0.01)
    assert delivery.ended is None


async def test_whole_bodies_in_a_chunk_and_compressed() -> None:
    assert in_chunks(b"") == b"0\r\n\r\n"
    assert in_chunks(b"abc") == b"3\r\nabc\r\n0\r\n\r\n"
    assert len(compressed(b"x" * 4_000_000, "gzip")) < 20_000
    with pytest.raises(ValueError, match="no content coding"):
        compressed(b"", "br")
