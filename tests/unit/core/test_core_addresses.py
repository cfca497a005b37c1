import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.core import (
    EMBEDDINGS,
    SPECIAL_BLOCKS,
    Verdict,
    development_addresses,
    judge_address,
    literal_address,
    public_addresses,
)

PUBLIC4 = ipaddress.ip_address("93.184.216.34")
METADATA = "169.254.169.254"


def ip(text):
    return ipaddress.ip_address(text)


def judge(*texts):
    return public_addresses("host.example", tuple(map(ip, texts)))


@pytest.mark.parametrize(
    "text", ["93.184.216.34", "1.1.1.1", "192.0.1.1", "2606:2800:220:1::1", "2a00::1"]
)
def test_public(text):
    assert judge(text).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("127.0.0.1", "cimd-ssrf-loopback-v4"),
        ("127.255.255.255", "cimd-ssrf-loopback-v4"),
        ("::1", "cimd-ssrf-loopback-v6"),
        ("10.0.0.0", "cimd-ssrf-rfc1918"),
        ("172.31.255.255", "cimd-ssrf-rfc1918"),
        ("192.168.1.1", "cimd-ssrf-rfc1918"),
        (METADATA, "cimd-ssrf-link-local-metadata"),
        ("fe80::1", "cimd-ssrf-link-local-metadata"),
        ("0.0.0.0", "cimd-ssrf-unspecified"),
        ("::", "cimd-ssrf-unspecified"),
        ("100.64.0.1", "cimd-ssrf-shared-cgn"),
        ("100.127.255.255", "cimd-ssrf-shared-cgn"),
        ("198.19.255.255", "cimd-ssrf-test-bench-reserved"),
        ("203.0.113.5", "cimd-ssrf-test-bench-reserved"),
        ("255.255.255.255", "cimd-ssrf-test-bench-reserved"),
        ("2001:db8::1", "cimd-ssrf-test-bench-reserved"),
        ("fd00::1", "cimd-ssrf-ula-v6"),
        ("224.0.0.1", "cimd-ssrf-multicast"),
        ("ff02::1", "cimd-ssrf-multicast"),
        ("3fff::1", "cimd-ssrf-later-iana-entries"),
        ("5f00::1", "cimd-ssrf-later-iana-entries"),
    ],
)
def test_special(text, clause):
    decision = judge(text)
    assert (decision.verdict, decision.clause) == (Verdict.REFUSE, clause)


@pytest.mark.parametrize("text", ["172.15.255.255", "172.32.0.0", "100.128.0.0"])
def test_just_outside(text):
    assert judge(text).verdict is Verdict.ACCEPT


EMBEDDED = {
    "mapped": "::ffff:a9fe:a9fe",
    "compatible": "::a9fe:a9fe",
    "translated": "::ffff:0:a9fe:a9fe",
    "nat64": "64:ff9b::a9fe:a9fe",
    "nat64-local": "64:ff9b:1::a9fe:a9fe",
    "6to4": "2002:a9fe:a9fe::1",
    "teredo": "2001:0:5db8:d822:0:0:5601:5601",
    "isatap": "2606:2800:220:1:0:5efe:a9fe:a9fe",
}


@pytest.mark.parametrize(("name", "text"), EMBEDDED.items())
def test_embedded(name, text):
    assert ip(METADATA) in EMBEDDINGS[name](ip(text))
    decision = judge(text)
    assert decision.refused
    registered = name not in ("compatible", "translated", "isatap")
    clause = "mapped-and-transition-v6" if registered else "unregistered-forms"
    assert decision.clause == f"cimd-ssrf-{clause}"


def test_local_nat64_for_each_prefix_length():
    for text in (
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:aa:a9:fea9:fe00:0",
        "64:ff9b:1:abcd:a9:fea9:fe00:0",
    ):
        found = EMBEDDINGS["nat64-local"](ip(text))
        assert ip(METADATA) in found, text


def test_nat64_of_a_public_address_is_free():
    assert judge("64:ff9b::5db8:d822").verdict is Verdict.FREE


def test_isatap_with_public_address():
    assert not judge("2606:2800:220:1:0:5efe:5db8:d822").refused


def test_one_bad_address_spoils_the_name():
    assert judge("93.184.216.34", "10.0.0.1").refused
    assert judge("10.0.0.1", "93.184.216.34").refused
    assert judge().refused


def test_development_exception_is_narrow():
    assert not development_addresses("localhost", (ip("127.0.0.1"),)).refused
    assert development_addresses("x", (ip("127.0.0.1"), ip("10.0.0.1"))).refused
    assert development_addresses("x", (ip("10.0.0.1"),)).refused


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(EMBEDDED)))
def test_no_embedding_hides_what_is_special(value, name):
    hidden = ipaddress.IPv4Address(value)
    base = int(ip(EMBEDDED[name])) - 0
    low = {"6to4": 80, "teredo": 64}.get(name, 0)
    mask = 0xFFFFFFFF << low
    address = ipaddress.IPv6Address(base & ~mask | value << low)
    assert hidden in EMBEDDINGS[name](address)
    if judge_address(hidden).refused:
        assert judge_address(address).refused


@given(st.ip_addresses())
def test_agrees_with_the_standard_library_where_that_says_no(address):
    listed = any(
        address in block.network
        for block in SPECIAL_BLOCKS
        if block.network.version == address.version
    )
    if address.is_private or address.is_loopback or address.is_link_local:
        assert listed
    if not judge_address(address).refused:
        assert not address.is_private
        assert not address.is_multicast


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.1",
        "017700000001",
        "0177.0.0.01",
        "127.0.0.1.",
    ],
)
def test_spellings_of_loopback(host):
    assert literal_address(host) == ip("127.0.0.1")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "1.2.3.4.5", "256.1.1.1", "08.1.1.1", "1.2.3.256", ""),
        *("4294967296", "0xg", "a.1", "[::g]", "1..2"),
    ],
)
def test_names_are_no_literals(host):
    assert literal_address(host) is None


def test_ipv6_literals():
    assert literal_address("[::1]") == ip("::1")
    for spelled in ("[fe80::1%25eth0]", "[fe80::1%eth0]"):
        assert literal_address(spelled) == ip("fe80::1%eth0"), "to be dialled there"


@given(st.text(max_size=40))
def test_literal_never_fails(host):
    literal_address(host)


@given(st.ip_addresses(v=4))
def test_literal_reads_what_it_writes(address):
    value = int(address)
    for host in (str(address), str(value), hex(value), f"0{value:o}"):
        assert literal_address(host) == address
