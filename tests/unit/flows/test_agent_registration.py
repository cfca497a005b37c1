"""Whether a client registers as what it is."""

import json

import pytest

from cimd_conformance.flows.agent_host._state import _registration

LOOPBACK, HTTPS = "http://127.0.0.1:8749/callback", "https://agent.example/callback"
OWN_SCHEME = "com.example.agent:/callback"


@pytest.mark.parametrize(
    ("uris", "said", "fits"),
    [
        ([LOOPBACK], "native", True),
        (["http://[::1]/callback"], "native", True),
        ([OWN_SCHEME], "native", True),
        ([HTTPS], "web", True),
        ([HTTPS, LOOPBACK], "native", True),
        ([HTTPS, LOOPBACK], "web", True),
        ([LOOPBACK], "web", False),
        ([HTTPS], "native", False),
        ([OWN_SCHEME], "web", False),
        ([LOOPBACK], None, False),
        ("no list", "native", False),
    ],
)
def test_the_kind_of_application_is_that_of_the_redirect_uris(uris, said, fits):
    members = {"redirect_uris": uris}
    if said is not None:
        members["application_type"] = said
    assert _registration(json.dumps(members).encode())["fits"] is fits


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_object_says_nothing(body):
    assert _registration(body) == {}
