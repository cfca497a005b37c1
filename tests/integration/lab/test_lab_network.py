"""Addresses, canaries, labels and the wire tap."""

import asyncio
import ipaddress
import json
import os
import subprocess
import sys

import pytest

from cimd_testbed.net import LAB_RANGES, NOWHERE, Depth, Service, json_response

pytestmark = pytest.mark.lab

FETCH = """
import sys, urllib.request
for url in sys.argv[1:]:
    print(urllib.request.urlopen(url, timeout=5).read().decode())
"""
CONNECT = """
import socket, sys, time
start = time.monotonic()
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
    print("connected", end=" ")
except OSError as error:
    print(type(error).__name__, error.errno, end=" ")
print(time.monotonic() - start < 1)
"""


async def child(network, code, *arguments):
    """Run Python code as a target would run; return its output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *arguments),
        env=network.environment(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return out.decode().splitlines()


async def serve(network, **extra):
    async def handler(request):
        arrival = request.arrival
        return json_response({"at": str(arrival.address), "label": arrival.label})

    plain = Service(handler, None, network.contacts)
    await network.listen_everywhere((80,), plain)
    secure = Service(handler, network.authority.context_for, network.contacts)
    await network.listen_everywhere((443,), secure)
    return plain


def syns(network):
    network.settle()
    return [
        [str(contact.address), contact.port, contact.label]
        for contact in network.contacts.contacts
        if contact.depth is Depth.TCP
    ]


async def canaries(network, addresses):
    await serve(network)
    urls = [f"{scheme}://{one}/" for one in addresses for scheme in ("http", "https")]
    found = await child(network, FETCH, *urls)
    return found, syns(network), network.lost_contacts()


@pytest.mark.parametrize(
    ("spelled", "arrives"),
    [
        ("169.254.169.254", "169.254.169.254"),
        ("10.1.2.3", "10.1.2.3"),
        ("0.1.2.3", "0.1.2.3"),
        ("240.0.0.1", "240.0.0.1"),
        ("93.184.216.77", "93.184.216.77"),
        ("[fd00:ec2::254]", "fd00:ec2::254"),
        ("[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe"),
        ("[2606:2800:220:1::5]", "2606:2800:220:1::5"),
    ],
)
def test_a_canary_is_reached_over_http_and_trusted_tls(inside, spelled, arrives):
    found, seen, lost = inside(canaries, [spelled])
    answer = f'{{"at":"{arrives}","label":null}}'
    assert found == [answer, answer]
    assert seen == [[arrives, 80, None], [arrives, 443, None]]
    assert lost == 0


async def mapped(network):
    await serve(network)
    found = await child(network, FETCH, "http://[::ffff:10.0.0.1]/")
    return found, syns(network)


def test_a_mapped_address_arrives_as_ipv4(inside):
    found, seen = inside(mapped)
    assert found == ['{"at":"10.0.0.1","label":null}']
    assert seen == [["10.0.0.1", 80, None]]


async def raw_attempts(network, ends):
    await serve(network)
    found = [await child(network, CONNECT, host, str(port)) for host, port in ends]
    return found, syns(network)


def test_the_tap_sees_ports_that_nobody_listens_on(inside):
    ends = [["169.254.169.254", 80], ["10.0.0.1", 5555], ["fc00::1", 6379]]
    found, seen = inside(raw_attempts, ends)
    refused = ["ConnectionRefusedError 111 True"]
    assert found == [["connected True"], refused, refused]
    assert seen == [[*end, None] for end in ends]


def test_nothing_else_can_be_reached_and_nothing_hangs(inside):
    ends = [[host, 443] for host in ("8.8.8.8", "192.0.3.1", "2620::1", "224.0.0.1")]
    found, seen = inside(raw_attempts, ends)
    assert found == [["OSError 101 True"]] * 4
    assert seen == []


async def fall_back(network):
    await serve(network)
    dead, inward = (ipaddress.ip_address(a) for a in ("93.184.216.253", "10.0.0.1"))
    network.zone.point("mixed.example", dead, inward)
    found = await child(network, CONNECT, "mixed.example", "80")
    return found, syns(network)


def test_whoever_cannot_reach_a_dead_address_goes_on_to_the_next(inside):
    found, seen = inside(fall_back)
    assert found == ["connected True"]
    assert seen == [["10.0.0.1", 80, None]]


async def labels(network):
    plain = await serve(network)
    own = ipaddress.ip_address("93.184.216.9")
    await network.listen(own, 80, plain)
    answers = []
    for host in ("10.9.9.9", "fd00::9", "127.0.0.1", "0.0.0.0", str(own)):
        stream = await network.dialer("scenario-1").dial(ipaddress.ip_address(host), 80)
        stream.writer.write(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        answers.append((await stream.reader.read()).split(b"\r\n")[-1].decode())
        await stream.close()
    await child(
        network,
        "import socket; s = socket.socket(); s.bind(('198.18.0.99', 0));"
        "s.connect(('10.0.0.1', 80))",
    )
    return answers, [label for _, _, label in syns(network)]


def test_our_own_parties_are_told_from_the_target(inside):
    answers, seen = inside(labels)
    arrived = ("10.9.9.9", "fd00::9", "127.0.0.1", "127.0.0.1", "93.184.216.9")
    assert answers == [f'{{"at":"{at}","label":"scenario-1"}}' for at in arrived]
    assert seen == ["scenario-1"] * 5 + ["testbed"]


async def precedence(network):
    await serve(network)

    async def special(_request):
        return json_response("special")

    service = Service(special, None, network.contacts)
    for text in ("93.184.216.5", "2606:2800:220:1::5"):
        await network.listen(ipaddress.ip_address(text), 80, service)
    urls = [f"http://{host}/" for host in ("93.184.216.5", "[2606:2800:220:1::5]")]
    return await child(network, FETCH, *urls, "http://93.184.216.6")


def test_a_listener_of_its_own_comes_before_the_canary(inside):
    own4, own6, other = inside(precedence)
    assert own4 == own6 == '"special"'
    assert "93.184.216.6" in other


async def after_close(network):
    await serve(network)
    await network.close()
    return await child(network, CONNECT, "10.0.0.1", "80")


def test_close_leaves_no_listener(inside):
    assert inside(after_close) == ["ConnectionRefusedError 111 True"]


async def many(network, count):
    await serve(network)
    address = ipaddress.ip_address("10.0.0.1")
    for _ in range(count):
        (await network.connect_as("busy", address, 80)).close()
    return len(syns(network)), network.lost_contacts()


def test_thousands_of_connections_are_all_seen(inside):
    assert inside(many, 5000) == [5000, 0]


def test_outside_a_lab_the_network_refuses_to_start():
    from cimd_testbed.net.lab import LabNetwork

    with pytest.raises(RuntimeError, match="only works inside"):
        asyncio.run(LabNetwork().start())


async def every_range(network):
    await serve(network)
    missed = []
    for owned in LAB_RANGES:
        address = owned[9]
        if owned.version == 6 and owned.overlaps(ipaddress.ip_network("fe80::/10")):
            continue  # reached with a zone only, see below
        (await network.connect_as("every", address, 443)).close()
        mapped = getattr(address, "ipv4_mapped", None)
        if [str(mapped or address), 443, "every"] not in syns(network):
            missed.append(str(owned))
    return missed


def test_every_address_of_every_range_is_ours(inside):
    assert inside(every_range) == []


async def link_local(network):
    await serve(network)
    await child(network, CONNECT, "fe80::9%lo", "443")
    found = await child(network, CONNECT, "fe80::9", "443")
    return found, syns(network)


def test_link_local_needs_a_zone(inside):
    found, seen = inside(link_local)
    assert found == ["OSError 22 True"]
    assert seen == [["fe80::9", 443, None]]


async def undialled(network):
    await serve(network)
    found = []
    for text in ("224.0.0.7", "255.255.255.255", "ff02::7", "fe80::7", "10.0.0.7"):
        address = ipaddress.ip_address(text)
        stream = await network.dialer(None).dial(address, 80)
        request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        stream.writer.write(request)
        answer = await stream.reader.read()
        found.append(json.loads(answer.partition(b"\r\n\r\n")[2])["at"])
        await stream.close()
    with pytest.raises(ConnectionRefusedError):
        await network.dialer(None).dial(ipaddress.ip_address("224.0.0.8"), 5555)
    return found, syns(network)


def test_what_the_reference_asks_for_is_seen_where_no_kernel_connects(inside):
    found, seen = inside(undialled)
    assert found == ["224.0.0.7", "255.255.255.255", "ff02::7", "fe80::7", "10.0.0.7"]
    assert seen == [*([at, 80, None] for at in found), ["224.0.0.8", 5555, None]]


async def nowhere(network):
    return [
        await child(network, CONNECT, str(lost), "443") for lost in NOWHERE.values()
    ]


def test_nothing_leads_nowhere(inside):
    assert inside(nowhere) == [["OSError 101 True"]] * 2


async def again(network):
    """Open a second network after the first, as a proof does for each flaw."""
    await serve(network)
    await network.close()
    other = type(network)(network.authority.ca_pem)
    await other.start()
    other.authority = network.authority
    await serve(other)
    found = await child(other, FETCH, "https://10.1.2.3/")
    await other.close()
    return found, network.files == other.files


def test_a_network_can_follow_another(inside):
    assert inside(again) == [['{"at":"10.1.2.3","label":null}'], True]
