"""The rules of a client: discovery, requests, responses, hosting."""

import ipaddress

import pytest

from cimd_testbed import core
from cimd_testbed.core import JsonObject, NextRequest, Verdict

SERVER = "https://mcp.example/server/mcp"
ISSUER = "https://as.example"


def obj(**members):
    return JsonObject(members)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ((), None),
        (("Basic realm=x",), None),
        (("Bearer",), {}),
        (('Bearer scope="a b", error=invalid_token',), {"scope": "a b"}),
        (('Basic realm="a, b", bearer  SCOPE = "a b"',), {"scope": "a b"}),
        (("Negotiate abc==, Bearer scope=a",), {"scope": "a"}),
        (("Basic realm=x", 'Bearer scope="a"'), {"scope": "a"}),
        (('Bearer scope="a\\"b"',), {"scope": 'a"b'}),
        (('Bearer realm="Bearer scope=x", scope="a"',), {"scope": "a"}),
        (("Bearer scope=a, scope=b",), {"scope": "a"}),
        (("Bearer ====",), {}),
        (('Bearer scope="a',), {}),
    ],
)
def test_bearer_challenge(fields, found):
    challenge = core.bearer_challenge(fields)
    if found is None:
        assert challenge is None
    else:
        assert {k: v for k, v in challenge.plain().items() if k == "scope"} == found


def test_resource_metadata_urls():
    root = "https://mcp.example/.well-known/oauth-protected-resource"
    urls = core.resource_metadata_urls
    assert urls(SERVER, "https://x.example/prm") == ("https://x.example/prm",)
    assert urls(SERVER, None) == (f"{root}/server/mcp", root)
    assert urls(f"{SERVER}?a=b#c", None) == (f"{root}/server/mcp", root)
    assert urls("https://mcp.example", None) == (root,)


@pytest.mark.parametrize(
    ("resource", "at", "verdict"),
    [
        (SERVER, "/.well-known/oauth-protected-resource/server/mcp", Verdict.ACCEPT),
        ("HTTPS://MCP.example/server/mcp", "/x", Verdict.ACCEPT),
        ("https://mcp.example", "/.well-known/oauth-protected-resource", Verdict.FREE),
        ("https://mcp.example", "/x", Verdict.REFUSE),
        (f"{SERVER}/", "/x", Verdict.REFUSE),
        ("https://mcp.example/server", "/x", Verdict.REFUSE),
        ("https://mcp.example.evil/server/mcp", "/x", Verdict.REFUSE),
        (None, "/x", Verdict.REFUSE),
        (7, "/x", Verdict.REFUSE),
    ],
)
def test_resource_identity(resource, at, verdict):
    found_at = f"https://mcp.example{at}"
    decision = core.resource_identity(obj(resource=resource), SERVER, found_at)
    assert decision.verdict is verdict


def test_server_metadata_urls():
    urls = core.server_metadata_urls
    assert urls(ISSUER) == (
        f"{ISSUER}/.well-known/oauth-authorization-server",
        f"{ISSUER}/.well-known/openid-configuration",
    )
    assert urls(f"{ISSUER}/tenant/") == (
        f"{ISSUER}/.well-known/oauth-authorization-server/tenant",
        f"{ISSUER}/.well-known/openid-configuration/tenant",
        f"{ISSUER}/tenant/.well-known/openid-configuration",
    )


@pytest.mark.parametrize("stated", [f"{ISSUER}/", "HTTPS://as.example", None, [ISSUER]])
def test_an_issuer_is_a_string(stated):
    assert not core.server_metadata_issuer(obj(issuer=ISSUER), ISSUER).refused
    assert core.server_metadata_issuer(obj(issuer=stated), ISSUER).refused


@pytest.mark.parametrize(
    ("methods", "refused"),
    [(["S256"], False), (["plain", "S256"], False), (["plain"], True), ([], True)],
)
def test_pkce_support(methods, refused):
    metadata = obj(code_challenge_methods_supported=methods)
    assert core.pkce_support(metadata).refused is refused
    assert core.pkce_support(obj()).refused


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://as.example/x", Verdict.ACCEPT),
        ("http://localhost:1/x", Verdict.FREE),
        ("http://as.example/x", Verdict.REFUSE),
        ("https://user@as.example/x", Verdict.REFUSE),
        ("https://as.example:x/", Verdict.REFUSE),
        ("https:///x", Verdict.REFUSE),
        ("ftp://as.example/x", Verdict.REFUSE),
        ("/x", Verdict.REFUSE),
    ],
)
def test_discovery_url(url, verdict):
    assert core.discovery_url(url).verdict is verdict


def test_discovery_addresses():
    def refused(*texts):
        addresses = tuple(map(ipaddress.ip_address, texts))
        return core.discovery_addresses("x.example", addresses).refused

    assert not refused("93.184.216.34")
    assert refused("10.0.0.1")
    assert refused("93.184.216.34", "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", ""),
        *("http://as.example/a", "https:///a", "ms-settings:privacy"),
        *('https://as.example/"&calc', "https://as.example/a b", "https://as.ex/\n"),
    ],
)
def test_what_is_never_opened(url):
    assert core.authorization_url(url).refused
    assert not core.authorization_url("https://as.example/a?x=$(id)&y=%20").refused


@pytest.mark.parametrize(
    ("preregistered", "flag", "source"),
    [
        (True, True, "pre-registered"),
        (True, False, "pre-registered"),
        (False, True, "document"),
        (False, False, None),
        (False, "true", None),
    ],
)
def test_client_id_source(preregistered, flag, source):
    metadata = obj(client_id_metadata_document_supported=flag)
    assert core.client_id_source(preregistered, metadata) == source


@pytest.mark.parametrize(
    ("announced", "presented", "clause", "refused"),
    [
        (True, ISSUER, "iss-client-mismatch", False),
        (True, None, "iss-client-missing-when-advertised", True),
        (False, ISSUER, "iss-client-present-not-advertised", False),
        (False, None, "iss-client-absent-not-advertised", False),
        (True, f"{ISSUER}/", "iss-client-mismatch", True),
        (False, "HTTPS://as.example", "iss-client-mismatch", True),
        (False, f"{ISSUER}:443", "iss-client-mismatch", True),
        (True, "", "iss-client-mismatch", True),
    ],
)
def test_the_four_rows_of_iss(announced, presented, clause, refused):
    decision = core.callback_issuer(ISSUER, announced, presented)
    assert (decision.clause, decision.refused) == (clause, refused)


def test_state():
    assert not core.callback_state("a", "a").refused
    assert all(core.callback_state("a", value).refused for value in (None, "", "b"))
    assert core.callback_state("", "a").refused
    assert not core.callback_state("", None).refused


def test_scopes():
    assert core.initial_scope(("a",), ("b", "c")) == ("a",)
    assert core.initial_scope((), ("b", "c")) == ("b", "c")
    assert core.step_up_scope(("a", "b"), ("b", "c")) == ("a", "b", "c")
    allowed = [not core.step_up_allowed(n).refused for n in range(5)]
    assert allowed == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("status", "location", "onward"),
    [
        (200, "https://mcp.example/b", None),
        (302, "https://mcp.example/b", None),
        (307, None, None),
        (307, "/b", NextRequest("https://mcp.example/b", with_token=True)),
        (308, "https://mcp.example/b", NextRequest("https://mcp.example/b", True)),
        (307, "https://evil.example/b", None),
        (307, "https://u@mcp.example/b", None),
        (307, "//evil.example/b", None),
    ],
)
def test_a_token_does_not_travel(status, location, onward):
    assert core.resource_redirect("https://mcp.example/a", status, location) == onward


def test_only_public_members_are_published():
    key = JsonObject({"kty": "EC", "x": "1", "y": "2", "d": "3", "kid": "k"})
    assert "d" not in core.published_keys((key,))[0]
