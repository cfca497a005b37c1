"""The TLS front before a target's plain local port."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl

import pytest

pytestmark = pytest.mark.lab

ADDRESS = ipaddress.ip_address("93.184.215.7")
NAME = "as.example"
PLAIN = (
    b"POST /a%2f..//b HTTP/1.1\r\nHoST: as.example\r\nX-Odd:  spaced \r\n"
    b"x-forwarded-for: 6.6.6.6\r\nContent-Length: 5\r\n\r\nhello"
)


@contextlib.asynccontextmanager
async def target(serve):
    """Run a plain target on a free port of 127.0.0.1."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def trust(network):
    return ssl.create_default_context(cadata=network.authority.ca_pem.decode())


async def dial(network, label="scenario-1"):
    return await network.dialer(label).dial(
        ADDRESS, 443, tls=trust(network), server_hostname=NAME
    )


async def open_front(network, port, **options):
    await network.front(ADDRESS, [NAME], port, network.authority.context_for, **options)


async def echo_request(network, forwarded):
    received = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        seen = await reader.readuntil(b"hello")
        received.set_result((seen, writer.get_extra_info("peername")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async with target(serve) as port:
        await open_front(network, port, forwarded=forwarded)
        stream = await dial(network)
        stream.writer.write(PLAIN)
        answer = await stream.reader.read()
        await stream.close()
    seen, peer = await received
    network.settle()
    ends = [
        [contact.depth.name, contact.port, contact.label]
        for contact in network.contacts.contacts
    ]
    assert network.zone.lookup(NAME, 4) == [ADDRESS]
    return seen.decode(), peer, answer.decode(), ends


def test_bytes_pass_unchanged_and_the_hop_leaves_no_contact(inside):
    seen, peer, answer, ends = inside(echo_request, False)
    assert seen == PLAIN.decode()
    assert peer == "127.0.0.1"
    assert answer.endswith("\r\n\r\nok")
    assert ends == [
        [depth, 443, "scenario-1"] for depth in ("TCP", "CLIENT_HELLO", "TLS")
    ]


def test_forwarding_headers_are_set(inside):
    seen, *_ = inside(echo_request, True)
    assert seen.replace("\r\n", "\n") == (
        "POST /a%2f..//b HTTP/1.1\nHoST: as.example\nX-Odd:  spaced \n"
        "Content-Length: 5\n"
        "X-Forwarded-Proto: https\nX-Forwarded-For: 198.18.0.99\n"
        "X-Forwarded-Host: as.example\n\nhello"
    )


async def stream_events(network):
    go_on = asyncio.Event()
    gone = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for number in range(3):
            writer.write(b"data: %d\n\n" % number)
            await go_on.wait()
            go_on.clear()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    async with target(serve) as port:
        await open_front(network, port)
        stream = await dial(network)
        stream.writer.write(b"GET /events HTTP/1.1\r\nHost: as.example\r\n\r\n")
        pieces = []
        for _ in range(3):
            async with asyncio.timeout(5):
                piece = await stream.reader.readuntil(b"\n\n")
            pieces.append(piece.decode().splitlines()[-2])
            go_on.set()
        await stream.close()
        async with asyncio.timeout(5):
            await gone.wait()
    return pieces


def test_events_are_streamed_and_a_client_that_leaves_is_noticed(inside):
    assert inside(stream_events) == ["data: 0", "data: 1", "data: 2"]


async def half_close(network):
    async def serve(reader, writer):
        everything = await reader.read()
        writer.write(everything[::-1])
        writer.close()

    async with target(serve) as port:
        await network.front(ADDRESS, [NAME], port, None, port=80)
        stream = await network.dialer("x").dial(ADDRESS, 80)
        stream.writer.write(b"abc")
        stream.writer.write_eof()
        answer = await stream.reader.read()
        await stream.close()
        return answer.decode()


def test_a_plain_client_may_close_its_half(inside):
    assert inside(half_close) == "cba"


async def large(network, size):
    async def serve(reader, writer):
        await reader.readexactly(size)
        writer.write(bytes(size))
        writer.close()

    async with target(serve) as port:
        await open_front(network, port, forwarded=True)
        stream = await dial(network)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        stream.writer.write(head + bytes(size))
        answer = await stream.reader.read()
        await stream.close()
        return len(answer)


def test_large_messages_pass_both_ways(inside):
    assert inside(large, 5_000_000) == 5_000_000


async def target_down(network):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    await open_front(network, port)
    stream = await dial(network)
    stream.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        said = (await stream.reader.read()).decode()
    except ConnectionResetError:
        said = ""
    await stream.close()
    return said


def test_a_target_that_is_down_answers_nothing(inside):
    assert inside(target_down) == ""
