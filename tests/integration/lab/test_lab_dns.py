"""Names inside the lab, as targets see them."""

import asyncio
import ipaddress
import os
import socket
import sys
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from cimd_testbed.net import Depth, Fault

pytestmark = pytest.mark.lab

LOOKUP = """
import socket, sys
for family in (socket.AF_INET, socket.AF_INET6):
    for flags in (0, socket.AI_ADDRCONFIG):
        try:
            found = socket.getaddrinfo(
                sys.argv[1], 80, family, socket.SOCK_STREAM, flags=flags)
            print(*sorted({info[4][0] for info in found}))
        except socket.gaierror as error:
            print(error.errno == socket.EAI_NONAME)
"""


def point(network, name, *texts):
    network.zone.point(name, *(ipaddress.ip_address(text) for text in texts))


async def lookups(network, *names):
    point(network, "both.example", "93.184.216.5", "93.184.216.6", "fd00::1")
    point(network, "four.example", "93.184.216.5")
    found = []
    for name in names:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", LOOKUP, name),
            env=network.environment(os.environ),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        found.append(out.decode().split("\n")[:-1])
    asked = {contact.name for contact in network.contacts.contacts}
    depths = {contact.depth for contact in network.contacts.contacts}
    return found, sorted(asked), depths == {Depth.DNS}


def test_getaddrinfo_asks_our_zone(inside):
    found, asked, only_dns = inside(lookups, "both.example", "four.example", "no.test")
    four = "93.184.216.5 93.184.216.6"
    assert found[0] == [four, four, "fd00::1", "fd00::1"]
    assert found[1][:2] == ["93.184.216.5"] * 2
    assert found[2] == ["True"] * 4
    assert asked == ["both.example", "four.example", "no.test"]
    assert only_dns


def test_localhost_needs_no_query(inside):
    found, asked, _ = inside(lookups, "localhost")
    assert found == [["127.0.0.1", "127.0.0.1", "::1", "::1"]]
    assert asked == []


async def orders(network):
    point(network, "mixed.example", "93.184.216.253", "10.0.0.1")
    loop = asyncio.get_running_loop()
    found = set()
    for _ in range(8):
        infos = await loop.getaddrinfo("mixed.example", 443, type=socket.SOCK_STREAM)
        found.add(tuple(info[4][0] for info in infos))
    return sorted(found)


def test_a_dead_address_is_not_sorted_behind_one_that_answers(inside):
    assert inside(orders) == [["93.184.216.253", "10.0.0.1"]]


async def missing(network):
    loop = asyncio.get_running_loop()
    start = time.monotonic()
    try:
        await loop.getaddrinfo("missing.example", 443)
    except socket.gaierror as error:
        return error.errno == socket.EAI_NONAME, time.monotonic() - start < 1
    return None


def test_an_unknown_name_is_refused_at_once(inside):
    assert inside(missing) == [True, True]


async def rebinding(network):
    answers = [
        [ipaddress.ip_address("93.184.216.5")],
        [ipaddress.ip_address("10.0.0.1")],
    ]
    network.zone.script("flip.example", lambda asked: answers[min(asked, 1)])
    query = dns.message.make_query("flip.example", "A", use_edns=0)
    seen = []
    for _ in range(3):
        reply = await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 5)
        seen.append([str(reply.answer[0][0]), reply.answer[0].ttl, reply.edns])
    return seen


def test_a_name_flips_between_queries(inside):
    first, second, third = inside(rebinding)
    assert first == ["93.184.216.5", 0, 0]
    assert second == third == ["10.0.0.1", 0, 0]


async def large(network):
    point(network, "large.example", *(f"10.0.{n}.1" for n in range(200)))
    query = dns.message.make_query("large.example", "A")
    cut = await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 5)
    whole = await asyncio.to_thread(dns.query.tcp, query, "127.0.0.1", 5)
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo("large.example", 80, type=socket.SOCK_STREAM)
    return bool(cut.flags & dns.flags.TC), len(whole.answer[0]), len(infos)


def test_a_large_answer_comes_over_tcp(inside):
    assert inside(large) == [True, 200, 200]


async def malformed(network):
    point(network, "still.example", "10.0.0.1")
    junk = (b"", b"x", bytes(11), bytes(12), b"\xff" * 40, bytes(5) + b"\x01" * 30)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for wire in junk:
            sock.sendto(wire, ("127.0.0.1", 53))
    for wire in junk:
        reader, writer = await asyncio.open_connection("127.0.0.1", 53)
        writer.write(len(wire).to_bytes(2) + wire)
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo("still.example", 80, type=socket.SOCK_STREAM)
    return [info[4][0] for info in infos]


def test_malformed_queries_do_not_stop_it(inside):
    assert inside(malformed) == ["10.0.0.1"]


async def other_types(network):
    point(network, "known.example", "10.0.0.1")
    codes = []
    for name, kind in (("known.example", "HTTPS"), ("other.example", "TXT")):
        query = dns.message.make_query(name, kind)
        reply = await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 5)
        codes.append([reply.rcode() == dns.rcode.NXDOMAIN, len(reply.answer)])
    return codes


def test_other_types_have_no_data(inside):
    assert inside(other_types) == [[False, 0], [True, 0]]


async def aliases(network):
    point(network, "inside.example", "10.0.0.1")
    network.zone.alias("first.example", "second.example")
    network.zone.alias("second.example", "inside.example")
    network.zone.alias("circle.example", "circle.example")
    query = dns.message.make_query("First.example", "A")
    reply = await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 5)
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo("first.example", 80, type=socket.SOCK_STREAM)
    try:
        await loop.getaddrinfo("circle.example", 80)
    except socket.gaierror:
        circle = "unresolved"
    else:
        circle = "resolved"
    kinds = [dns.rdatatype.to_text(rrset.rdtype) for rrset in reply.answer]
    return kinds, [info[4][0] for info in infos], circle


def test_an_alias_leads_inward(inside):
    kinds, found, circle = inside(aliases)
    assert kinds == ["CNAME", "CNAME", "A"]
    assert found == ["10.0.0.1"]
    assert circle == "unresolved"


async def slow(network):
    point(network, "slow.example", "10.0.0.1")
    point(network, "fast.example", "10.0.0.2")
    network.zone.delay("slow.example", 0.5)
    loop = asyncio.get_running_loop()
    order = []

    async def find(name):
        await loop.getaddrinfo(name, 80)
        order.append(name)

    start = time.monotonic()
    await asyncio.gather(find("slow.example"), find("fast.example"))
    return order, time.monotonic() - start >= 0.5


def test_a_slow_name_does_not_delay_others(inside):
    assert inside(slow) == [["fast.example", "slow.example"], True]


async def faults(network):
    point(network, "cut.example", "93.184.216.5", "10.0.0.1")
    network.zone.fail("cut.example", Fault.TRUNCATED)
    point(network, "broken.example", "10.0.0.1")
    network.zone.fail("broken.example", Fault.SERVER_FAILURE)
    point(network, "silent.example", "10.0.0.1")
    network.zone.fail("silent.example", Fault.SILENT)
    query = dns.message.make_query("cut.example", "A")
    cut = await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 5)
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo("cut.example", 80, type=socket.SOCK_STREAM)
    broken = await asyncio.to_thread(
        dns.query.udp, dns.message.make_query("broken.example", "A"), "127.0.0.1", 5
    )
    try:
        silent = dns.message.make_query("silent.example", "A")
        await asyncio.to_thread(dns.query.udp, silent, "127.0.0.1", 0.3)
    except dns.exception.Timeout:
        answered = False
    return (
        [bool(cut.flags & dns.flags.TC), [str(one) for one in cut.answer[0]]],
        sorted(info[4][0] for info in infos),
        dns.rcode.to_text(broken.rcode()),
        answered,
    )


def test_answers_go_wrong_when_they_are_told_to(inside):
    cut, found, broken, answered = inside(faults)
    assert cut == [True, ["93.184.216.5"]], "the rest comes over TCP"
    assert found == ["10.0.0.1", "93.184.216.5"]
    assert broken == "SERVFAIL"
    assert not answered


async def order(network):
    point(network, "ordered.example", *(f"93.184.216.{n}" for n in (9, 3, 7, 1)))
    query = dns.message.make_query("ordered.example", "A")
    replies = [
        await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 5) for _ in range(9)
    ]
    return sorted({" ".join(str(a) for a in reply.answer[0]) for reply in replies})


def test_addresses_keep_their_order(inside):
    assert inside(order) == ["93.184.216.9 93.184.216.3 93.184.216.7 93.184.216.1"]
