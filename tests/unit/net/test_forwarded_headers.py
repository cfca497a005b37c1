"""Forwarding headers in a stream of requests, however it is cut into pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.net.lab._forwarded import ForwardedHeaders

ADDED = b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.1\r\n"
HOST = b"X-Forwarded-Host: h\r\n"
GET = b"GET /a%2f HTTP/1.1\r\nHost: h\r\n", b"\r\n"
LENGTH = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n", b"\r\nGET / HTTP/1"
CHUNKED = (
    b"POST / HTTP/1.1\r\nhost:h\r\nTransfer-Encoding: gzip, chunked\r\n",
    b"\r\n5;x=y\r\nGET /\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n",
)
REQUESTS = (GET, LENGTH, CHUNKED, GET)


def rewrite(*pieces):
    rewriter = ForwardedHeaders("https", "10.0.0.1")
    return b"".join(rewriter.feed(piece) for piece in pieces) + rewriter.rest()


def cut(data, places):
    ends = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(ends)]


@given(st.lists(st.integers(0, 2000), max_size=30))
def test_every_head_of_a_connection_gets_them(places):
    sent = b"".join(head + rest for head, rest in REQUESTS)
    expected = b"".join(head + ADDED + HOST + rest for head, rest in REQUESTS)
    assert rewrite(*cut(sent, places)) == expected


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_come_out_without_an_error(data, places):
    assert len(rewrite(*cut(data, places))) >= 0


def test_what_the_peer_claimed_is_removed():
    spoofed = (
        b"GET / HTTP/1.1\r\nX-Forwarded-Host: evil\r\n folded\r\n"
        b"x-FORWARDED-for : 1.1.1.1\r\nHost: h\r\n\r\n"
    )
    expected = b"GET / HTTP/1.1\r\nHost: h\r\n" + ADDED + HOST + b"\r\n"
    assert rewrite(spoofed) == expected


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 1x\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Upgrade: websocket\r\n",
    ],
)
def test_what_has_no_clear_border_passes_untouched(header):
    head = b"POST / HTTP/1.1\r\n" + header
    rest = b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"
    assert rewrite(head + rest) == head + ADDED + rest


def test_a_body_is_not_held_back():
    rewriter = ForwardedHeaders("https", "10.0.0.1")
    rewriter.feed(LENGTH[0] + b"\r\n")
    assert [rewriter.feed(bytes([n])) for n in b"abc"] == [b"a", b"b", b"c"]


def test_bare_line_feeds_end_a_head_too():
    assert rewrite(b"GET / HTTP/1.1\n\n") == b"GET / HTTP/1.1\n" + ADDED + b"\n"


def test_a_head_without_end_passes_at_last():
    flood = b"GET / HTTP/1.1\r\n" + b"x" * 70_000
    assert ForwardedHeaders("https", "10.0.0.1").feed(flood) == flood
