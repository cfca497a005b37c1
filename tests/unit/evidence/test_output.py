"""What a target prints: nothing secret is left, in whatever form it prints it."""

from __future__ import annotations

import base64
import random

import pytest

from cimd_conformance.evidence import OutputRedactor


@pytest.mark.parametrize(
    "line",
    [
        "issued 9f86d081884c7d659a2f",
        "session=9f86d081884c7d659a2f;",
        "token Zm9vYmFy12YmF6cXV4MTIz==.",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "Authorization: Basic Y2xpZW50OnNlY3JldA==",
        "authorization: bearer mF_9.B5f-4.1JqM",
        "{'code_verifier': 'a9f86d081884c7d659a2f'}",
        "code=abcdefghij",
    ],
)
def test_what_looks_random_is_a_secret(line: str) -> None:
    secret = next(
        word
        for word in line.replace("'", " ").replace("=", "= ", 1).split()
        if any(char.isdigit() for char in word) or word == "abcdefghij"
    )
    assert secret.strip(";.") not in OutputRedactor().line(line)


@pytest.mark.parametrize(
    "line",
    [
        "INFO 2026-01-02T03:04:05.678 listening on http://127.0.0.1:28569/authorize",
        'File "/usr/lib/python3.11/site-packages/uvicorn/h11_impl.py", line 42',
        "GET /.well-known/oauth-authorization-server HTTP/1.1 200 OK",
        "client https://client-126.cimd-hosts.net/i126/client.json was fetched",
        "npm warn deprecated inflight@1.0.6",
        "grant_types_supported: authorization_code, refresh_token",
        "WWW-Authenticate: Bearer resource_metadata, realm",
        "UnhandledPromiseRejectionWarning: ERR_HTTP_HEADERS_SENT",
        "X-Forwarded-Proto and NODE_TLS_REJECT_UNAUTHORIZED are set",
        "HTTPServerRequestHandlerFactory setMaxAgeForAllKeys 20261122T070212Z",
    ],
)
def test_what_helps_stays(line: str) -> None:
    assert OutputRedactor().line(line) == line


@pytest.mark.parametrize(("size", "share"), [(16, 0.97), (24, 0.99), (32, 0.995)])
def test_random_words_do_not_need_digits(size: int, share: float) -> None:
    """Most tokens are base64 of random bytes; many of these have hardly a digit."""
    rng = random.Random(7)
    tokens = [
        base64.urlsafe_b64encode(rng.randbytes(size)).rstrip(b"=").decode()
        for _ in range(2000)
    ]
    hidden = sum(one not in OutputRedactor().line(f"issued {one}") for one in tokens)
    assert hidden >= share * len(tokens)


def test_the_same_secret_has_the_same_name() -> None:
    redactor = OutputRedactor()
    first = redactor.line("made 9f86d081884c7d659a2f")
    assert redactor.line("sent 9f86d081884c7d659a2f") == first.replace("made", "sent")


def test_a_token_keeps_what_can_be_read() -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJlMTIz"
    shown = OutputRedactor().line(f"token {token}")
    assert shown == f"token {token.rpartition('.')[0]}.‹signature›"


def test_the_lines_of_a_private_key() -> None:
    redactor = OutputRedactor()
    kind = "EC PRIVATE KEY-----"
    lines = [f"-----BEGIN {kind}", "abc", f"-----END {kind}"]
    assert {redactor.line(line) for line in lines} == {"‹private-key›"}
    assert redactor.line("afterwards") == "afterwards"
    assert redactor.line(" ".join(lines)) == "‹private-key›"
    assert redactor.line("afterwards") == "afterwards"


def test_what_is_known_goes_however_short() -> None:
    redactor = OutputRedactor([("env", "sesame")])
    assert redactor.line("open sesame!") == "open ‹env-1›!"
