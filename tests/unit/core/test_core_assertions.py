import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.core import (
    ASSERTION_TYPE,
    JsonObject,
    Verdict,
    assertion_algorithm,
    assertion_audience,
    assertion_critical,
    assertion_expiry,
    assertion_issuer_subject,
    assertion_jti,
    assertion_key,
    assertion_key_found,
    assertion_not_before,
    assertion_typ,
    assertion_type,
    read_unverified_jwt,
)

ISSUER = "https://as.example"
ENDPOINT = "https://as.example/token"
ID = "https://client.example/c"


def obj(**members):
    return JsonObject(members)


@pytest.mark.parametrize(
    ("typ", "verdict"),
    [
        ("client-authentication+jwt", Verdict.ACCEPT),
        ("oauth-client-auth+jwt", Verdict.ACCEPT),
        ("application/OAuth-Client-Auth+jwt", Verdict.ACCEPT),
        ("JWT", Verdict.FREE),
        (None, Verdict.FREE),
        ("at+jwt", Verdict.REFUSE),
        ("dpop+jwt", Verdict.REFUSE),
        (1, Verdict.REFUSE),
    ],
)
def test_typ(typ, verdict):
    assert assertion_typ(obj(typ=typ)).verdict is verdict


def test_type_parameter():
    assert not assertion_type(ASSERTION_TYPE).refused
    assert assertion_type(None).refused
    assert assertion_type(ASSERTION_TYPE.replace("jwt", "saml2")).refused


@pytest.mark.parametrize("crit", [["x"], [], "x", ["b64"], [1]])
def test_critical(crit):
    assert assertion_critical(obj(crit=crit)).refused
    assert not assertion_critical(obj()).refused


@pytest.mark.parametrize(
    ("alg", "kty", "clause"),
    [
        ("none", "EC", "pkjwt-alg-none"),
        ("NoNe", "EC", "pkjwt-alg-none"),
        (None, "EC", "pkjwt-alg-none"),
        ("HS256", "oct", "pkjwt-alg-hs256-confusion"),
        ("HS256", "RSA", "pkjwt-alg-hs256-confusion"),
        ("ES384", "EC", "pkjwt-alg-allowlist"),
        ("ES256", "RSA", "pkjwt-alg-allowlist"),
        ("RS256", "EC", "pkjwt-alg-allowlist"),
    ],
)
def test_algorithm(alg, kty, clause):
    decision = assertion_algorithm(obj(alg=alg), obj(kty=kty), ("ES256", "RS256"))
    assert (decision.refused, decision.clause) == (True, clause)


def test_algorithm_of_the_key():
    key = obj(kty="RSA", alg="PS256")
    assert not assertion_algorithm(obj(alg="PS256"), key, ("PS256", "RS256")).refused
    assert assertion_algorithm(obj(alg="RS256"), key, ("PS256", "RS256")).refused


def test_key_choice():
    one, two = obj(kty="EC", kid="1"), obj(kty="EC", kid="2", use="sig")
    encryption = obj(kty="EC", kid="1", use="enc")
    signing = obj(kty="EC", kid="1", key_ops=["sign"])
    keys = (one, two, encryption, signing)
    assert assertion_key(obj(kid="1"), keys) == (one,)
    assert assertion_key(obj(kid="3"), keys) == ()
    assert assertion_key(obj(), keys) == (one, two)
    assert assertion_key(obj(kid="3", jwk={"kty": "EC"}), keys) == ()
    assert assertion_key_found(0).refused
    assert not assertion_key_found(2).refused


def test_issuer_and_subject():
    assert not assertion_issuer_subject(obj(iss=ID, sub=ID), ID).refused
    assert assertion_issuer_subject(obj(iss=ID), ID).refused
    assert assertion_issuer_subject(obj(iss="x", sub=ID), ID).refused
    assert assertion_issuer_subject(obj(iss=ID, sub="x"), ID).refused


@pytest.mark.parametrize(
    ("aud", "clause", "refused"),
    [
        (ISSUER, "pkjwt-aud-issuer-sole", False),
        ([ISSUER], "pkjwt-aud-issuer-sole", False),
        (ENDPOINT, "pkjwt-aud-token-endpoint", True),
        ([ENDPOINT], "pkjwt-aud-token-endpoint", True),
        ([ISSUER, "https://other.example"], "pkjwt-aud-injection", True),
        ([ISSUER, ENDPOINT], "pkjwt-aud-injection", True),
        (ISSUER + "/", "pkjwt-aud-issuer-sole", True),
        ("https://other.example", "pkjwt-aud-issuer-sole", True),
        (None, "pkjwt-aud-issuer-sole", True),
        ([], "pkjwt-aud-issuer-sole", True),
    ],
)
def test_audience(aud, clause, refused):
    decision = assertion_audience(obj(aud=aud), ISSUER, ENDPOINT)
    assert (decision.clause, decision.refused) == (clause, refused)


@pytest.mark.parametrize(
    ("exp", "refused"),
    [
        *((1060, False), (1000.5, False), (971, False), (970, True), (None, True)),
        *(("1060", True), (True, True), (2000, True), (1e300, True)),
    ],
)
def test_expiry(exp, refused):
    assert assertion_expiry(obj(exp=exp), 1000, 600).refused is refused


def test_moments():
    assert not assertion_not_before(obj(), 1000).refused
    assert not assertion_not_before(obj(iat=1030, nbf=1000), 1000).refused
    assert assertion_not_before(obj(iat=1031), 1000).refused
    assert assertion_not_before(obj(nbf=1031), 1000).refused
    assert assertion_not_before(obj(nbf="1000"), 1000).refused
    assert assertion_jti(1).refused
    assert not assertion_jti(0).refused


@given(st.text(max_size=60))
def test_reading_never_fails(token):
    read_unverified_jwt(token)


@pytest.mark.parametrize(
    "token", ["", "a.b", "e30.e30", "e30.W10.", "e30=.e30.", "é.é.é"]
)
def test_no_jwt(token):
    assert read_unverified_jwt(token) is None


def test_jwt():
    token = read_unverified_jwt("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.")
    assert token.header == obj(alg="none")
    assert token.claims == obj(a=1)
