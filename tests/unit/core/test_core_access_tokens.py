"""The rules about access tokens, and about what a protected resource says."""

import pytest

from cimd_testbed import core
from cimd_testbed.core import JsonObject, Verdict

RESOURCE = "https://tools.example/mcp"
EC = JsonObject({"kty": "EC", "crv": "P-256", "kid": "1"})
RSA = JsonObject({"kty": "RSA", "kid": "2", "use": "sig"})
ENCRYPTION = JsonObject({"kty": "RSA", "kid": "3", "use": "enc"})


def obj(**members):
    return JsonObject(members)


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        ((), None),
        (("Bearer abc",), "abc"),
        (("bearer abc",), "abc"),
        (("BEARER   abc.DEF-_~+/12==",), "abc.DEF-_~+/12=="),
        (("",), core.MALFORMED),
        (("Bearer",), core.MALFORMED),
        (("Bearer ",), core.MALFORMED),
        (("Bearer abc def",), core.MALFORMED),
        (("Bearer abc, Bearer def",), core.MALFORMED),
        (("Bearer a=bc",), core.MALFORMED),
        (("Basic abc",), core.MALFORMED),
        (("abc",), core.MALFORMED),
        (("Bearer abc", "Bearer abc"), core.MALFORMED),
    ],
)
def test_credentials(sent, token):
    assert core.bearer_token(sent) == token


def test_tokens_are_nowhere_else():
    assert core.query_token((("access_token", "abc"),)) is None
    assert core.unreadable_token("abc") is None
    assert not core.open_to_all("tools/call")
    assert core.malformed_credentials(("Bearer",)).refused
    assert not core.verified_before("a.b.c", ("a.b.c",))
    evil = "https://evil.example"
    assert core.token_key_url(obj(jku=f"{evil}/jwks.json"), obj(iss=evil)) is None
    assert not core.session_authenticates(True, tried=False)
    assert not core.processed_when_refused(403)


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        ({"typ": "at+jwt"}, Verdict.ACCEPT),
        ({"typ": "AT+JWT"}, Verdict.ACCEPT),
        ({"typ": "application/at+jwt"}, Verdict.ACCEPT),
        ({"typ": "JWT"}, Verdict.FREE),
        ({}, Verdict.FREE),
        ({"typ": ""}, Verdict.REFUSE),
        ({"typ": None}, Verdict.REFUSE),
        ({"typ": "client-authentication+jwt"}, Verdict.REFUSE),
        ({"typ": "logout+jwt"}, Verdict.REFUSE),
    ],
)
def test_kinds_of_jwt(header, verdict):
    assert core.token_typ(JsonObject(header)).verdict is verdict


def test_keys_are_those_of_the_issuer_with_that_id_and_use():
    keys = (EC, RSA, ENCRYPTION)
    assert core.token_key(obj(kid="1"), keys) == (EC,)
    assert core.token_key(obj(kid="3"), keys) == ()
    assert core.token_key(obj(kid="4", jwk=EC), keys) == ()
    assert core.token_key(obj(), keys) == (EC, RSA)


@pytest.mark.parametrize(
    ("alg", "key", "refused"),
    [
        ("ES256", EC, False),
        ("RS256", RSA, False),
        ("ES256", RSA, True),
        ("RS256", EC, True),
        ("HS256", RSA, True),
        ("none", EC, True),
        (None, EC, True),
        (1, EC, True),
    ],
)
def test_algorithms(alg, key, refused):
    decision = core.token_algorithm(obj(alg=alg), key, core.TOKEN_ALGORITHMS)
    assert decision.refused is refused
    assert core.token_algorithm(obj(alg="ES256"), EC, ("RS256",)).refused


def test_critical_extensions_are_unknown_here():
    assert core.token_critical(obj(crit=["exp"])).refused
    assert not core.token_critical(obj()).refused


@pytest.mark.parametrize(
    ("audience", "clause", "refused"),
    [
        (RESOURCE, "mcp-rs-audience", False),
        ([RESOURCE], "mcp-rs-audience-array", False),
        (["https://other.example", RESOURCE], "mcp-rs-audience-array", False),
        (None, "mcp-rs-audience", True),
        ([], "mcp-rs-audience", True),
        (["https://other.example"], "mcp-rs-audience", True),
        ([[RESOURCE]], "mcp-rs-audience", True),
        (RESOURCE + "/", "mcp-rs-audience", True),
        (RESOURCE + "-other", "mcp-rs-audience", True),
        (RESOURCE.upper(), "mcp-rs-audience", True),
        ("https://tools.example", "mcp-rs-audience", True),
        ({RESOURCE: True}, "mcp-rs-audience", True),
    ],
)
def test_audiences(audience, clause, refused):
    decision = core.token_for_resource(obj(aud=audience), RESOURCE)
    assert (decision.clause, decision.refused) == (clause, refused)


def test_issuers_are_compared_as_strings():
    issuer = "https://as.example"
    assert not core.token_issuer(obj(iss=issuer), issuer).refused
    for other in (f"{issuer}/", "https://AS.example", None, [issuer]):
        assert core.token_issuer(obj(iss=other), issuer).refused
    assert core.token_issuer(obj(), issuer).refused


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"exp": 101}, False),
        ({"exp": 100.5}, False),
        ({"exp": 100}, True),
        ({"exp": 1}, True),
        ({"exp": "101"}, True),
        ({"exp": True}, True),
        ({"exp": None}, True),
        ({}, True),
    ],
)
def test_tokens_expire(claims, refused):
    assert core.token_expiry(JsonObject(claims), 100.0).refused is refused


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({}, False),
        ({"nbf": 100}, False),
        ({"nbf": 130}, False),
        ({"nbf": 131}, True),
        ({"nbf": "1"}, True),
        ({"nbf": None}, True),
    ],
)
def test_tokens_begin(claims, refused):
    assert core.token_not_before(JsonObject(claims), 100.0).refused is refused


def test_other_claims_do_no_harm():
    assert not core.token_claims(obj(tenant="blue")).refused


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("a b", False),
        ("b c a", False),
        ("a", True),
        ("ab", True),
        ("a,b", True),
        ("A B", True),
        ("", True),
        (None, True),
        (["a", "b"], True),
    ],
)
def test_scopes_are_words(scope, refused):
    assert core.token_scope(obj(scope=scope), ("a", "b")).refused is refused
    assert not core.token_scope(obj(scope=scope), ()).refused


@pytest.mark.parametrize("active", [False, None, "true", 1, [True], {}])
def test_only_true_is_active(active):
    assert core.introspection_active(obj(active=active)).refused
    assert core.introspection_active(obj()).refused
    assert not core.introspection_active(obj(active=True)).refused
    assert not core.introspection_after_failure("any", 0.0)


def test_refusals():
    codes = {"": 401, "invalid_token": 401, "invalid_request": 400}
    codes["insufficient_scope"] = 403
    assert {code: core.error_status(code) for code in codes} == codes
    assert core.challenge_error("") is None
    assert core.challenge_error("invalid_token") == "invalid_token"
    assert core.challenge_scope(("a", "b"), ("a",)) == ("a", "b")
    assert core.challenge_metadata("https://x", "evil", "evil") == "https://x"
    parameters = (("resource_metadata", "https://x"), ("error", "invalid_token"))
    assert core.challenge_text(parameters) == (
        'Bearer resource_metadata="https://x", error="invalid_token"'
    )
    metadata = obj(resource=RESOURCE)
    assert core.resource_metadata(metadata, "evil", "evil") == metadata
    assert all(map(core.metadata_published, ("path", "root")))


def test_origins():
    own = "https://tools.example"
    assert not core.request_origin(None, own).refused
    assert not core.request_origin(own, own).refused
    for other in ("null", "", "https://evil.example", f"{own}.evil.example"):
        assert core.request_origin(other, own).refused
