"""What a response says in words, for the search to compare and for people to read."""

from __future__ import annotations

import pytest

from cimd_conformance.init._bench import words_of
from cimd_testbed.net import Response

HTML = b"<html><style>p { color: red }</style><h1>Oh</h1><p>no</p></html>"


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (
            Response(400, (), b'{"error": "invalid_scope", "error_description": "no"}'),
            "invalid_scope: no",
        ),
        (Response(400, (), b'{"error": {"code": 1}}'), '{"code": 1}'),
        (Response(400, (), HTML), "Oh no"),
        (
            Response(
                302, (("Location", "https://c/cb?error=x&error_description=y+z"),)
            ),
            "x: y z",
        ),
        (Response(302, (("Location", "https://c/cb?code=1"),)), ""),
        (
            Response(403, (("WWW-Authenticate", 'Bearer scope="a"'),), b"{}"),
            'Bearer scope="a"',
        ),
        (Response(500, (), b""), ""),
        (Response(200, (), b"[1]"), ""),
    ],
)
def test_words_of_a_response(response: Response, words: str) -> None:
    assert words_of(response) == words
