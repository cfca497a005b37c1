import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed import core
from cimd_testbed.core import CacheBounds, JsonObject, Verdict
from cimd_testbed.flaws import FLAWS

BOUNDS = CacheBounds(minimum=0, maximum=1000, default=60)


def headers(**values):
    return tuple((name.replace("_", "-"), value) for name, value in values.items())


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ({}, 60),
        ({"Cache_Control": "max-age=10"}, 10),
        ({"Cache_Control": "MAX-AGE=10"}, 10),
        ({"Cache_Control": 'public, max-age="10"'}, 10),
        ({"Cache_Control": "max-age=10, max-age=20"}, 10),
        ({"Cache_Control": "max-age=99999999999999999999"}, 1000),
        ({"Cache_Control": "max-age=-1"}, 0),
        ({"Cache_Control": "max-age=x"}, 0),
        ({"Cache_Control": "no-store"}, 0),
        ({"Cache_Control": "max-age=10, no-cache"}, 0),
        ({"Cache_Control": "private, max-age=10"}, 10),
        ({"Cache_Control": "max-age=10", "Age": "4"}, 6),
        ({"Cache_Control": "max-age=10", "Age": "40"}, 0),
        ({"Cache_Control": "max-age=10", "Vary": "*"}, 0),
        (
            {
                "Date": "Sat, 21 Nov 2026 10:00:00 GMT",
                "Expires": "Sat, 21 Nov 2026 10:02:00 GMT",
            },
            120,
        ),
        ({"Date": "Sat, 21 Nov 2026 10:00:00 GMT", "Expires": "0"}, 0),
        ({"Expires": "Sat, 21 Nov 2026 10:02:00 GMT"}, 0),
    ],
)
def test_freshness(sent, seconds):
    assert core.freshness(headers(**sent), BOUNDS) == seconds


@given(st.text(), st.text())
def test_freshness_stays_in_bounds(control, age):
    seconds = core.freshness(headers(Cache_Control=control, Age=age), BOUNDS)
    assert 0 <= seconds <= 1000


def test_floor_does_not_overrule_no_store():
    bounds = CacheBounds(minimum=30)
    assert core.freshness(headers(Cache_Control="max-age=1"), bounds) == 30
    assert core.freshness(headers(Cache_Control="no-store"), bounds) == 0


def test_caching_rules():
    assert core.still_fresh(0, 10, 9.9)
    assert not core.still_fresh(0, 10, 10)
    assert core.failure_lifetime("x") == core.invalid_document_lifetime("x") == 0
    assert not core.stale_after_failure("x", 1)
    assert core.unknown_kid_refetch(0, 10, 10)
    assert not core.unknown_kid_refetch(0, 9, 10)
    old, new = JsonObject({"kid": "old"}), JsonObject({"kid": "new"})
    assert core.keys_that_count((old,), (new,)) == (new,)
    assert core.document_at_issue(old, new) == new
    assert core.document_at_issue(old, None) is None


@pytest.mark.parametrize("status", [200, 201, 203, 204, 206, 301, 304, 404, 500])
def test_status(status):
    assert core.fetch_status(status).refused is (status != 200)
    assert core.follow_redirect("https://a/", status, "https://b/") is None


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("application/json", False),
        ("Application/JSON; charset=utf-8", False),
        ("application/cimd+json", False),
        ("application/vnd.x+json;profile=y", False),
        ("text/json", True),
        ("text/html", True),
        ("text/plain", True),
        ("image/svg+json", True),
        ("application/jsonx", True),
        ("", True),
        (None, True),
    ],
)
def test_content_type(value, refused):
    assert core.content_type(value).refused is refused


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("https://client.example/jwks", False),
        ("https://client.example:8443", False),
        ("http://client.example/jwks", True),
        ("file:///etc/passwd", True),
        ("gopher://x/", True),
    ],
)
def test_fetch_url(url, refused):
    assert core.fetch_url(url).refused is refused


def test_fetching_values():
    assert core.read_complete(True, 5120).refused
    assert not core.read_complete(False, 5120).refused
    assert core.addresses_to_dial("h", ()) == ()
    assert core.judged_before_dialling("h")
    assert core.judged_anew(0)
    assert core.judged_anew(1)
    assert core.connection_key("h", "93.184.216.34", 443) is None
    assert core.also_fetched("tos_uri", "https://a/", "https://b/c") is None
    assert all(core.fetch_problem(one).refused for one in core.FetchProblem)
    assert all(core.tls_problem(one).refused for one in core.TlsProblem)
    assert core.decoded_body(None, b"x") == core.decoded_body("Identity", b"x") == b"x"
    assert isinstance(core.decoded_body("gzip", b"x"), core.Decision)
    assert core.join_fetch("c")
    assert core.host_brake(30, 30).refused
    assert not core.host_brake(29, 30).refused
    assert core.failure_status("any") == 400
    assert core.cache_key("HTTPS://x/") == "HTTPS://x/"
    assert core.fetch_cookie("crumb=chocolate") is None
    assert "secret" not in core.failure_text("secret", b"secret")
    assert core.logo_content(b"<svg>", False).refused
    assert core.logo_content(b"GIF89a", True).refused
    assert not core.logo_content(b"GIF89a", False).refused


RESOURCE = "https://tools.example/mcp"


@pytest.mark.parametrize(
    ("spelled", "found"),
    [
        (RESOURCE, True),
        ("HTTPS://Tools.Example/mcp", True),
        ("https://tools.example:443/mcp", True),
        ("https://tools.example/MCP", False),
        ("https://tools.example/mcp/", False),
        ("https://tools.example/mcp#f", False),
        ("https://tools.example/mcp?x", False),
        ("https://tools.example", False),
        ("mcp", False),
        ("https://user@tools.example/mcp", False),
    ],
)
def test_resource(spelled, found):
    expected = (RESOURCE,) if found else None
    assert core.known_resources((spelled,), (RESOURCE,)) == expected


def test_resources():
    other = "https://other.example/mcp"
    assert core.known_resources((), (RESOURCE,)) == (RESOURCE,)
    assert core.known_resources((), (RESOURCE, other)) is None
    assert core.known_resources((RESOURCE, "x"), (RESOURCE,)) is None
    assert core.narrowed_resources((), (RESOURCE, other), ()) == (RESOURCE, other)
    assert core.narrowed_resources((other,), (RESOURCE, other), ()) == (other,)
    assert core.narrowed_resources((other,), (RESOURCE,), (other,)) is None
    assert core.token_audience((other,), (RESOURCE, other)) == (other,)


def test_scopes():
    assert core.split_scope("a b a") == ("a", "b")
    assert core.split_scope("") == core.split_scope(None) == ()
    assert not core.known_scope(("a",), ("a", "b"), None).refused
    assert core.known_scope(("c",), ("a", "b"), None).refused
    assert core.known_scope(("a",), ("a", "b"), ("b",)).refused
    assert core.granted_scope((), ("a", "b"), ("b",)) == ("b",)
    assert core.granted_scope(("a",), ("b",), None) == ("a",)
    assert core.scope_subset(("a", "b"), ("a",)).refused


VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_pkce_example_of_the_rfc():
    assert core.s256_challenge(VERIFIER) == CHALLENGE
    assert not core.pkce_verifier(CHALLENGE, "S256", VERIFIER).refused


@pytest.mark.parametrize(
    ("challenge", "method", "verifier", "clause"),
    [
        (CHALLENGE, "S256", None, "pkce-missing-verifier"),
        (CHALLENGE, "S256", "", "pkce-missing-verifier"),
        (CHALLENGE, "S256", CHALLENGE, "pkce-wrong-verifier"),
        (CHALLENGE, "S256", "x" * 43, "pkce-wrong-verifier"),
        (CHALLENGE, "S256", "x" * 42, "pkce-verifier-format"),
        (CHALLENGE, "S256", "x" * 129, "pkce-verifier-format"),
        (CHALLENGE, "S256", "é" * 43, "pkce-verifier-format"),
        (None, None, VERIFIER, "pkce-downgrade-no-challenge"),
    ],
)
def test_pkce_verifier(challenge, method, verifier, clause):
    decision = core.pkce_verifier(challenge, method, verifier)
    assert (decision.refused, decision.clause) == (True, clause)


def test_pkce_request():
    assert core.pkce_required(None, True).clause == "pkce-required-public"
    assert core.pkce_required("", False).clause == "pkce-required-confidential"
    assert not core.pkce_required(CHALLENGE, True).refused
    assert core.pkce_method(CHALLENGE, None).refused
    assert core.pkce_method(CHALLENGE, "plain").refused
    assert core.pkce_method(CHALLENGE, "s256").refused
    assert not core.pkce_method(CHALLENGE, "S256").refused
    assert core.pkce_challenge("short").refused
    assert not core.pkce_challenge(None).refused


@given(st.text(max_size=200), st.text(max_size=200))
def test_pkce_verifier_never_fails(challenge, verifier):
    core.pkce_verifier(challenge, "S256", verifier)


def test_codes_and_tokens():
    assert core.code_unused(1).refused
    assert core.code_replay_revokes(1)
    assert not core.code_replay_revokes(0)
    assert core.code_client("a", "b").refused
    assert core.code_redirect_uri("a", "b").refused
    assert core.code_redirect_uri("a", None).verdict is Verdict.FREE
    assert core.code_expiry(0, 60, 60).refused
    assert not core.code_expiry(0, 59, 60).refused
    assert core.refresh_client("a", "b").refused
    assert core.refresh_unused(1).refused
    assert core.refresh_replay_revokes(1)
    assert core.refresh_rotates(True)
    assert core.refresh_expiry(0, 60, 60).refused
    assert core.refresh_token_issued(("refresh_token",))
    assert not core.refresh_token_issued(())
    assert core.grant_type_allowed("refresh_token", ()).refused
    assert core.grant_alive(True).refused
    assert core.revocation_client("a", "b").refused
    assert core.introspection_caller(None).refused
    assert core.introspection_audience("a", ("b",)).refused
    assert len(core.secret_value(bytes(32))) == 43
    assert dict(core.token_headers())["Cache-Control"] == "no-store"


def test_authorization_rules():
    assert core.repeated_parameters(("a", "b", "a")).refused
    assert not core.repeated_parameters(("resource", "resource", "a")).refused
    assert core.response_type("token").refused
    assert core.response_type(None).refused
    assert core.response_mode("fragment").refused
    assert core.error_redirect(True, True, "u") == "u"
    for valid in ((False, False), (True, False), (False, True)):
        assert core.error_redirect(*valid, "u") is None
    assert core.response_issuer("i", True) == "i"
    assert core.response_state("s") == "s"
    assert core.redirect_status("POST") == 303
    location = core.response_location("https://c/cb?a=%20", (("code", "x y"),))
    assert location == "https://c/cb?a=%20&code=x+y"


def test_consent_rules():
    assert core.consent_required("a", ("a",), core.JsonObject({"trusted": True}))
    assert core.consent_text("<b>'\"") == "&lt;b&gt;&#x27;&quot;"
    hosts = core.consent_hosts("https://c.example/x", "http://127.0.0.1:8080/cb")
    assert (hosts.client, hosts.redirect) == ("c.example", "127.0.0.1:8080")
    assert core.consent_hosts("tool", "com.example.app:/cb").redirect == (
        "com.example.app:"
    )
    assert core.consent_loopback_warning(("http://localhost/cb",))
    assert not core.consent_loopback_warning(("http://localhost/", "https://c/"))
    assert core.consent_logo("https://c/logo", None) is None
    assert core.consent_csrf("a", None).refused
    assert core.consent_csrf("a", "é").refused
    assert not core.consent_csrf("a", "a").refused
    assert core.consent_session("a", None).refused
    assert core.consent_unanswered(1).refused
    assert not core.consent_given(None)
    assert core.consent_given("approve")
    policy = dict(core.page_headers())["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy


def test_metadata_rules():
    for issuer, url in [
        ("https://as.example", "https://as.example/.well-known/x"),
        ("https://as.example/", "https://as.example/.well-known/x"),
        ("https://as.example/t/1", "https://as.example/.well-known/x/t/1"),
    ]:
        assert core.well_known_url(issuer, "x") == url
    assert core.metadata_issuer(JsonObject({"issuer": "a/"}), "a").refused


ROOT = Path(__file__).parents[3]
CLAUSE = re.compile(
    "(cimd|pkjwt|pkce|code|token|refresh|resource|consent|mcp-rs|asmeta|revocation"
    "|introspection)(-[a-z0-9]+)+"
)


def strings(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_clause_is_in_the_catalogue():
    catalogue = (ROOT / "scenarios/_requirements/requirements.json").read_text()
    files = [
        file
        for part in ("core", "reference/authorization_server", "flaws")
        for file in (ROOT / "testbed/cimd_testbed" / part).rglob("*.py")
    ]
    named = {text for file in files for text in strings(file) if CLAUSE.fullmatch(text)}
    named -= FLAWS.keys()
    assert len(named) > 100
    assert not {clause for clause in named if f'"{clause}"' not in catalogue}
