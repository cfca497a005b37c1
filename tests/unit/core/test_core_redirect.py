import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.core import (
    Verdict,
    is_loopback_redirect,
    redirect_uri_exact,
    redirect_uri_loopback_port,
    redirect_uri_required,
    registrable_redirect_uri,
)

LOOPBACK = "http://127.0.0.1/callback"


@pytest.mark.parametrize(
    "uri",
    [
        "https://client.example/callback",
        "https://client.example",
        "https://client.example:8443/cb?a=b",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8080/cb",
        "http://[::1]/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
        "com.example.app://cb",
    ],
)
def test_registrable(uri):
    assert registrable_redirect_uri(uri).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("uri", "clause"),
    [
        ("javascript:alert(1)", "cimd-doc-redirect-uri-dangerous-scheme"),
        ("JaVaScRiPt:alert(1)//", "cimd-doc-redirect-uri-dangerous-scheme"),
        ("data:text/html,<script>", "cimd-doc-redirect-uri-dangerous-scheme"),
        ("file:///etc/passwd", "cimd-doc-redirect-uri-dangerous-scheme"),
        ("java\tscript:alert(1)", "cimd-doc-redirect-uri-syntax"),
        ("/callback", "cimd-doc-redirect-uri-syntax"),
        ("", "cimd-doc-redirect-uri-syntax"),
        ("https://client.example/cb#f", "cimd-doc-redirect-uri-syntax"),
        ("https://client.example/cb#", "cimd-doc-redirect-uri-syntax"),
        ("https:///cb", "cimd-doc-redirect-uri-syntax"),
        ("https://client.example:x/cb", "cimd-doc-redirect-uri-syntax"),
        ("https://user@client.example/cb", "cimd-doc-redirect-uri-userinfo"),
        ("http://localhost:80@evil.example/cb", "cimd-doc-redirect-uri-userinfo"),
        ("http://client.example/cb", "cimd-doc-redirect-uri-scheme"),
        ("http://192.168.0.5/cb", "cimd-doc-redirect-uri-scheme"),
        ("http://localhost.evil.example/cb", "cimd-doc-redirect-uri-scheme"),
        ("http://127.0.0.2/cb", "cimd-doc-redirect-uri-scheme"),
        ("myapp:/cb", "cimd-doc-private-scheme-period"),
    ],
)
def test_not_registrable(uri, clause):
    decision = registrable_redirect_uri(uri)
    assert (decision.verdict, decision.clause) == (Verdict.REFUSE, clause)


def test_required():
    assert redirect_uri_required("x", ()).verdict is Verdict.ACCEPT
    assert redirect_uri_required(None, ("x",)).verdict is Verdict.FREE
    assert redirect_uri_required(None, ("x", "y")).refused
    assert redirect_uri_required(None, ()).refused


@given(st.text(), st.lists(st.text()))
def test_exact_is_membership(requested, registered):
    decision = redirect_uri_exact(requested, tuple(registered))
    assert decision.refused is (requested not in registered)


@pytest.mark.parametrize("registered", [LOOPBACK, "http://127.0.0.1:9999/callback"])
@pytest.mark.parametrize("port", ["", ":1", ":49321", ":65535"])
def test_port_varies(registered, port):
    requested = f"http://127.0.0.1{port}/callback"
    decision = redirect_uri_loopback_port(requested, (registered,))
    assert decision.verdict is Verdict.FREE
    assert decision.clause == "cimd-redirect-loopback-any-port"


def test_localhost_is_ambiguous():
    decision = redirect_uri_loopback_port(
        "http://localhost:4000/cb", ("http://localhost:3000/cb",)
    )
    assert decision.clause == "cimd-redirect-loopback-localhost-name"


@pytest.mark.parametrize(
    "requested",
    [
        "http://127.0.0.1:1/other",
        "http://127.0.0.1:1/callback/",
        "http://127.0.0.1:1/callback?x=y",
        "http://127.0.0.1:1/callback?",
        "http://127.0.0.1:1/callback#",
        "http://127.0.0.1:1/%63allback",
        "https://127.0.0.1:1/callback",
        "HTTP://127.0.0.1:1/callback",
        "http://localhost:1/callback",
        "http://[::1]:1/callback",
        "http://127.0.0.2:1/callback",
        "http://127.0.0.1:1@evil.example/callback",
        "http://user@127.0.0.1:1/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:/x/callback",
        "http://127.0.0.1.evil.example:1/callback",
        "http://127.0.0.1:1\\@evil.example/callback",
    ],
)
def test_nothing_else_varies(requested):
    assert redirect_uri_loopback_port(requested, (LOOPBACK,)).refused


def test_other_hosts_have_fixed_ports():
    registered = ("https://client.example/cb", "http://client.example/cb")
    for requested in ("https://client.example:444/cb", "http://client.example:81/cb"):
        assert redirect_uri_loopback_port(requested, registered).refused


@given(st.text(max_size=40), st.integers(0, 65535))
def test_only_the_port_differs(tail, port):
    registered = f"http://127.0.0.1/{tail}"
    requested = f"http://127.0.0.1:{port}/{tail}"
    assert not redirect_uri_loopback_port(requested, (registered,)).refused


@given(st.text(max_size=60))
def test_what_is_accepted_goes_to_loopback(requested):
    decision = redirect_uri_loopback_port(requested, (LOOPBACK,))
    if not decision.refused:
        assert is_loopback_redirect(requested)
        assert requested.endswith("/callback")


@given(st.text(max_size=60))
def test_registrable_never_fails(uri):
    registrable_redirect_uri(uri)
