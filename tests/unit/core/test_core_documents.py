import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.core import (
    Decision,
    JsonObject,
    Verdict,
    auth_method_in_common,
    auth_methods,
    client_auth_method,
    document_auth_methods,
    document_client_id,
    document_client_secret,
    document_grants,
    document_json,
    document_keys,
    document_members,
    document_private_key,
    document_redirect_uris,
    document_required_members,
    document_stand_in,
    document_symmetric_method,
    document_uris,
    grant_auth_method,
    grant_types,
    jwks_private_key,
    key_set,
    parse_json_object,
    response_types,
    single_auth_method,
)

ID = "https://client.example/c"
BOTH = ("none", "private_key_jwt")


def doc(**members):
    return JsonObject(members)


@pytest.mark.parametrize(
    ("body", "clause"),
    [
        (b"[]", "cimd-doc-valid-json"),
        (b'"text"', "cimd-doc-valid-json"),
        (b"{", "cimd-doc-valid-json"),
        (b"", "cimd-doc-valid-json"),
        (b'{"a": NaN}', "cimd-doc-valid-json"),
        (b'{"a": 1,}', "cimd-doc-valid-json"),
        (b"\xef\xbb\xbf{}", "cimd-doc-valid-json"),
        ('{"a": 1}'.encode("utf-16"), "cimd-doc-utf8"),
        (b'{"a": "\xff"}', "cimd-doc-utf8"),
        (b'{"a": "\\ud800"}', "cimd-doc-utf8"),
        (b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "cimd-doc-parser-limits"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "cimd-doc-parser-limits"),
        (b'{"a": 1, "a": 2}', "cimd-doc-duplicate-members"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "cimd-doc-duplicate-members"),
    ],
)
def test_json_refused(body, clause):
    decision = document_json(body)
    assert isinstance(decision, Decision)
    assert decision.refused
    assert decision.clause in (clause, "cimd-doc-valid-json")


@given(st.binary(max_size=60))
def test_json_never_fails_and_parses_what_it_accepts(body):
    found = document_json(body)
    if not isinstance(found, Decision):
        assert found == parse_json_object(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON))
def test_objects_are_values(members):
    value = JsonObject(members)
    assert value.plain() == json.loads(json.dumps(members))
    assert value == JsonObject(members)
    assert hash(value) == hash(JsonObject(members))


def test_client_id():
    assert not document_client_id(doc(client_id=ID), ID, ID).refused
    for document, clause in [
        (doc(), "cimd-doc-client-id-present"),
        (doc(client_id=[ID]), "cimd-doc-client-id-present"),
        (doc(client_id=ID + "/"), "cimd-doc-client-id-match"),
        (doc(client_id=ID.upper()), "cimd-doc-client-id-match"),
    ]:
        assert document_client_id(document, ID, ID).clause == clause
    moved = document_client_id(doc(client_id=ID), ID, "https://other.example/c")
    assert moved.clause == "cimd-doc-client-id-equals-fetched-url"


@pytest.mark.parametrize("name", ["client_secret", "client_secret_expires_at"])
@pytest.mark.parametrize("value", ["s", "", None, 0])
def test_secrets(name, value):
    assert document_client_secret(doc(**{name: value})).refused


def test_symmetric_methods():
    for method in ("client_secret_basic", "client_secret_post", "client_secret_jwt"):
        assert document_symmetric_method(doc(token_endpoint_auth_method=method)).refused
        plural = doc(token_endpoint_auth_methods_supported=["none", method])
        assert document_symmetric_method(plural).refused
    assert not document_symmetric_method(doc(token_endpoint_auth_method="none")).refused


def test_private_keys():
    public = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}
    assert not document_private_key(doc(jwks={"keys": [public]})).refused
    for key in ({**public, "d": "c"}, {"kty": "oct"}, {"kty": "RSA", "p": "1"}):
        assert document_private_key(doc(jwks={"keys": [public, key]})).refused
        assert jwks_private_key(doc(keys=[key])).refused


def test_keys_and_key_sets():
    assert document_keys(doc(jwks={"keys": []}, jwks_uri="https://x/")).refused
    assert document_keys(doc(jwks=[])).refused
    assert not document_keys(doc(jwks_uri="https://x/")).refused
    assert key_set(doc(keys=[{}, 1, None])) == (JsonObject(),)
    assert key_set("text") == ()


@pytest.mark.parametrize(
    "value", [None, [], "https://client.example/cb", [1], ["javascript:1"], ["/cb"]]
)
def test_redirect_uris(value):
    assert document_redirect_uris(doc(redirect_uris=value)).refused


@pytest.mark.parametrize("name", ["logo_uri", "client_uri", "tos_uri", "policy_uri"])
@pytest.mark.parametrize("uri", ["javascript:1", "DATA:x", "file:///x", "x", ""])
def test_link_schemes(name, uri):
    assert document_uris(doc(**{name: uri})).refused
    assert not document_uris(doc(**{name: "https://client.example/x"})).refused


def test_members():
    assert not document_members(doc(whatever={"a": 1}, redirect_uris=["x"])).refused
    assert document_members(doc(client_name=1)).refused
    assert document_members(doc(grant_types="authorization_code")).refused
    assert document_members(doc(contacts=["x", 1])).refused
    assert document_redirect_uris(doc(redirect_uris=["https://a/x", 1])).refused
    assert document_required_members(doc()).verdict is Verdict.REFUSE
    assert document_required_members(doc(client_name="x")).verdict is Verdict.ACCEPT


def test_grants():
    assert grant_types(doc()) == ("authorization_code",)
    assert response_types(doc()) == ("code",)
    assert document_grants(doc(grant_types=["client_credentials"])).refused
    quiet = doc(grant_types=["client_credentials"], response_types=[])
    assert not document_grants(quiet).refused


def test_no_stand_in():
    assert document_stand_in(ID, "https://client.example/cb", "any") is None


def singular(method):
    return doc(token_endpoint_auth_method=method)


def plural(*methods, **more):
    return doc(token_endpoint_auth_methods_supported=list(methods), **more)


@pytest.mark.parametrize(
    ("document", "methods"),
    [
        (doc(), ("none",)),
        (singular("none"), ("none",)),
        (singular("private_key_jwt"), ("private_key_jwt",)),
        (singular("tls_client_auth"), ()),
        (plural("private_key_jwt"), ("private_key_jwt",)),
        (plural("tls_client_auth"), ()),
        (
            plural(
                "none",
                "private_key_jwt",
                "tls_client_auth",
                token_endpoint_auth_method="private_key_jwt",
            ),
            ("none", "private_key_jwt"),
        ),
    ],
)
def test_auth_methods(document, methods):
    assert not document_auth_methods(document).refused
    assert auth_methods(document, BOTH) == methods
    assert auth_method_in_common(methods).refused is (not methods)


def test_contradicting_methods():
    assert document_auth_methods(
        plural("none", token_endpoint_auth_method="private_key_jwt")
    ).refused
    assert document_auth_methods(plural()).refused


def test_presented_method():
    assert not client_auth_method("none", BOTH).refused
    assert client_auth_method("none", ("private_key_jwt",)).refused
    assert client_auth_method("private_key_jwt", ("none",)).refused
    assert client_auth_method("client_secret_basic", BOTH).refused
    assert single_auth_method(("a", "b")).refused
    assert not single_auth_method(()).refused


def test_grants_keep_their_method():
    assert grant_auth_method("private_key_jwt", "none").refused
    assert grant_auth_method("none", "none").verdict is Verdict.ACCEPT
    assert grant_auth_method("none", "private_key_jwt").verdict is Verdict.FREE
