"""A handshake that a client breaks off is told with its alert."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from cimd_certs import Authority
from cimd_testbed.net import (
    LOOPBACK,
    Contact,
    ContactLog,
    Depth,
    LoopbackNetwork,
    Request,
    Response,
    Service,
)


@contextlib.asynccontextmanager
async def listening(authority: Authority) -> AsyncIterator[tuple[int, list[Contact]]]:
    """Listen with TLS; yields the port, and what comes; ends after two contacts."""
    network, log, enough = LoopbackNetwork(), ContactLog(), asyncio.Event()
    log.listeners.append(lambda _one: len(log.contacts) > 1 and enough.set())

    async def answer(_request: Request) -> Response:
        return Response(204)

    await network.listen(LOOPBACK, 0, Service(answer, authority.context_for, log))
    try:
        yield network.ports[0], log.contacts
        async with asyncio.timeout(5):
            await enough.wait()
    finally:
        await network.close()


def connect(port: int, trust: ssl.SSLContext) -> None:
    with (
        contextlib.suppress(ssl.SSLCertVerificationError),
        socket.create_connection(("127.0.0.1", port)) as sock,
        trust.wrap_socket(sock, server_hostname="localhost"),
    ):
        pass


@pytest.mark.parametrize(
    ("trusts", "depth", "trouble"),
    [(False, Depth.CLIENT_HELLO, "unknown ca"), (True, Depth.TLS, None)],
)
async def test_an_alert_is_evidence(trusts, depth, trouble):
    authority = Authority()
    trust = authority.trust() if trusts else ssl.create_default_context()
    async with listening(authority) as (port, contacts):
        await asyncio.to_thread(connect, port, trust)
    hello, after = contacts
    assert (hello.depth, hello.trouble) == (Depth.CLIENT_HELLO, None)
    assert (after.depth, after.trouble, after.name) == (depth, trouble, "localhost")


async def test_a_client_that_hangs_up():
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    half = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    async with listening(Authority()) as (port, contacts):
        reader, writer = await asyncio.open_connection("localhost", port)
        writer.write(outgoing.read())
        await reader.read(1)
        writer.transport.abort()
    assert contacts[-1].trouble == "the client hung up"
