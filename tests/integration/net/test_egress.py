"""The forward proxy goes where it is told, and what it reaches counts."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from cimd_certs import Authority
from cimd_testbed.net import (
    EGRESS_URL,
    Depth,
    EgressProxy,
    EmbeddedNetwork,
    Request,
    Response,
    Service,
    Stream,
    egress_environment,
    json_response,
)
from cimd_testbed.reference.authorization_server import EnvironmentProxy

INWARD = ipaddress.ip_address("10.1.2.3")
NAME = "inward.cimd-evil.net"


@dataclass
class Bed:
    network: EmbeddedNetwork
    proxy: EgressProxy
    authority: Authority

    async def connect(self) -> Stream:
        """Connect to the proxy as a target does."""
        resolver = self.network.resolver(None)
        (address,) = await resolver.resolve("proxy.cimd-egress.net")
        return await self.network.dialer(None).dial(address, 3128)

    def reached(self) -> list[tuple[Depth, str | None]]:
        """Return what the target reached of the inward address, and by which name."""
        found = self.network.contacts.contacts
        inward = [one for one in found if one.address == INWARD and one.label is None]
        return [(one.depth, one.name) for one in inward]


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    async def handle(request: Request) -> Response:
        return json_response({"asked": request.target})

    authority = Authority()
    network = EmbeddedNetwork()
    await network.start()
    network.zone.point(NAME, INWARD)
    log = network.contacts
    await network.listen(INWARD, 443, Service(handle, authority.context_for, log))
    await network.listen(INWARD, 80, Service(handle, None, log))
    proxy = EgressProxy(network)
    await proxy.start()
    yield Bed(network, proxy, authority)
    await network.close()


async def ask(stream: Stream, text: str) -> bytes:
    stream.writer.write(text.encode())
    await stream.writer.drain()
    return await stream.reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("host", [NAME, str(INWARD)])
async def test_a_tunnel_is_contact_of_the_target(bed: Bed, host: str) -> None:
    stream = await bed.connect()
    head = await ask(stream, f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    await stream.writer.start_tls(bed.authority.trust(), server_hostname=host)
    head = await ask(stream, f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    await stream.close()
    assert bed.proxy.asked == [f"CONNECT {host}:443"]
    depths = [depth for depth, _ in bed.reached()]
    assert max(depths) is Depth.HTTP
    assert (Depth.TCP, f"{host} (through the proxy)") in bed.reached()


@pytest.mark.parametrize("host", ["[fd00::7]", "fd00::7"])
async def test_ipv6_with_and_without_brackets(bed: Bed, host: str) -> None:
    stream = await bed.connect()
    head = await ask(stream, f"CONNECT {host}:443 HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502 ")
    found = [str(one.address) for one in bed.network.contacts.contacts]
    assert "fd00::7" in found
    await stream.close()


async def test_a_request_for_a_whole_url_goes_on_as_one_for_its_path(bed: Bed) -> None:
    stream = await bed.connect()
    request = f"GET http://{NAME}/doc?a=b HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
    head = await ask(stream, request)
    assert head.startswith(b"HTTP/1.1 200 ")
    body = await stream.reader.read()
    assert body == b'{"asked":"/doc?a=b"}'
    await stream.close()
    assert bed.proxy.asked == [f"GET http://{NAME}/doc?a=b"]


@pytest.mark.parametrize(
    "request_",
    [
        "CONNECT nobody.cimd-evil.net:443 HTTP/1.1\r\n\r\n",
        "CONNECT 10.1.2.3:444 HTTP/1.1\r\n\r\n",
        "GET /only/a/path HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
    ],
)
async def test_what_cannot_be_reached_is_a_bad_gateway(bed: Bed, request_: str) -> None:
    stream = await bed.connect()
    assert (await ask(stream, request_)).startswith(b"HTTP/1.1 502 ")
    assert await stream.reader.read() == b""
    await stream.close()


def test_programs_find_it_in_their_environment() -> None:
    environ = egress_environment()
    assert environ["HTTPS_PROXY"] == environ["https_proxy"] == EGRESS_URL
    assert "127.0.0.1" in environ["NO_PROXY"]


@pytest.mark.parametrize(
    ("domains", "host", "meant"),
    [
        ((), "any.example.com", True),
        (("corp.example",), "intranet.corp.example", True),
        (("corp.example",), "INTRANET.Corp.Example.", True),
        (("corp.example",), "corp.example", False),
        (("corp.example",), "notcorp.example", False),
        (("corp.example",), "10.0.0.1", False),
    ],
)
def test_which_hosts_the_environment_sends_through_a_proxy(
    domains: tuple[str, ...], host: str, *, meant: bool
) -> None:
    found = EnvironmentProxy(EGRESS_URL, domains).url_for(host)
    assert found == (EGRESS_URL if meant else None)
