"""The guard of `tests/conftest.py` does what every other test relies on."""

import asyncio
import socket
import ssl

import pytest

AWAY = ("93.184.216.34", 443)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
@pytest.mark.parametrize("address", [AWAY, ("10.0.0.1", 1), ("example.com", 443)])
def test_a_socket_cannot_leave(
    network_guard: list[str], method: str, address: tuple[str, int]
) -> None:
    with (
        socket.socket() as sock,
        pytest.raises(RuntimeError, match=method),
    ):
        getattr(sock, method)(address)
    assert len(network_guard) == 1
    network_guard.clear()


def test_a_tls_socket_cannot_leave(network_guard: list[str]) -> None:
    with (
        ssl.create_default_context().wrap_socket(
            socket.socket(), server_hostname="example.com"
        ) as sock,
        pytest.raises(RuntimeError, match="connect"),
    ):
        sock.connect(AWAY)
    network_guard.clear()


def test_a_datagram_cannot_leave(network_guard: list[str]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(RuntimeError, match="sendto"),
    ):
        sock.sendto(b"?", ("93.184.216.34", 53))
    network_guard.clear()


@pytest.mark.parametrize("host", ["93.184.216.34", "2606:2800:220:1::7"])
async def test_asyncio_cannot_leave(network_guard: list[str], host: str) -> None:
    with pytest.raises(RuntimeError, match="connect"):
        await asyncio.open_connection(host, 443)
    network_guard.clear()


async def test_no_name_is_looked_up(network_guard: list[str]) -> None:
    with pytest.raises(RuntimeError, match="getaddrinfo"):
        await asyncio.open_connection("example.com", 443)
    network_guard.clear()


def test_loopback_and_unix_sockets_are_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("localhost", port)).close()
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
