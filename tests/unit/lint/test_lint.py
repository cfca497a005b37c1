"""Each rule about documents and keys finds its mistake, and nothing in good ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cimd_conformance.catalogue import load_profile, load_requirements
from cimd_conformance.lint import (
    Demand,
    consequences,
    graded,
    lint_answer,
    lint_document,
    lint_key_set,
    parse,
)
from cimd_conformance.model import Level

URL = "https://app.example/oauth/client.json"
EC: dict[str, Any] = {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "kid": "1"}
GOOD: dict[str, Any] = {
    "client_id": URL,
    "client_name": "App",
    "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [EC]},
    "logo_uri": "https://app.example/logo.png",
    "some_extension": {"is": "ignored"},
}


def found(changed: dict[str, Any], *without: str) -> set[str]:
    """Return the requirements that a changed document violates."""
    document = {k: v for k, v in {**GOOD, **changed}.items() if k not in without}
    wrong = list(lint_document(document, document.get("client_id")))
    assert all(one.what.endswith((".", "you.")) and one.fix for one in wrong)
    return {one.requirement for one in wrong}


def test_nothing_is_wrong_with_a_good_document() -> None:
    assert found({}) == set()
    assert found({"token_endpoint_auth_method": "none"}, "jwks") == set()
    assert found({"jwks_uri": "https://app.example/jwks"}, "jwks") == set()
    assert parse(json.dumps(GOOD).encode()).wrong == ()


@pytest.mark.parametrize(
    ("changed", "requirement"),
    [
        ({"client_id": "http://app.example/c"}, "cimd-client-id-https"),
        ({"client_id": "https://app.example"}, "cimd-client-id-path-required"),
        ({"client_id": "https://app.example/"}, "cimd-client-id-root-path"),
        ({"client_id": "https://app.example/a/../c"}, "cimd-client-id-dot-segments"),
        ({"client_id": "https://app.example/%2E%2e/c"}, "cimd-client-id-dot-segments"),
        ({"client_id": f"{URL}#f"}, "cimd-client-id-fragment"),
        ({"client_id": "https://u@app.example/c"}, "cimd-client-id-userinfo"),
        ({"client_id": f"{URL}?a=b"}, "cimd-client-id-query"),
        ({"client_id": f"{URL} x"}, "cimd-client-id-whitespace-control"),
        ({"client_id": URL + "x" * 3000}, "cimd-client-id-length"),
        ({"client_id": 3}, "cimd-doc-client-id-present"),
        ({"client_name": " "}, "cimd-client-doc-mcp-members"),
        ({"client_name": "App\u202e"}, "cimd-consent-output-encoding"),
        ({"redirect_uris": []}, "cimd-redirect-registration-required"),
        ({"redirect_uris": "https://a/"}, "cimd-doc-valid-json"),
        ({"redirect_uris": ["/cb"]}, "cimd-doc-redirect-uri-syntax"),
        ({"redirect_uris": ["https://a/cb#f"]}, "cimd-doc-redirect-uri-syntax"),
        (
            {"redirect_uris": ["JavaScript:alert(1)"]},
            "cimd-doc-redirect-uri-dangerous-scheme",
        ),
        ({"redirect_uris": ["http://a.example/cb"]}, "cimd-doc-redirect-uri-scheme"),
        (
            {"redirect_uris": ["http://localhost/cb"]},
            "cimd-client-redirect-loopback-literal",
        ),
        ({"redirect_uris": ["app:/cb"]}, "cimd-doc-private-scheme-period"),
        ({"redirect_uris": ["https://*.a.example/"]}, "cimd-redirect-exact-match"),
        ({"response_types": ["token"]}, "cimd-doc-inconsistent-refused"),
        ({"grant_types": ["authorization_code"]}, "client-refresh-grant-declared"),
        ({"client_secret": "s"}, "cimd-doc-no-client-secret"),
        ({"private_key": "s"}, "cimd-doc-no-private-key"),
        (
            {"token_endpoint_auth_method": "client_secret_basic"},
            "cimd-doc-no-symmetric-auth-method",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["client_secret_jwt"]},
            "cimd-doc-no-symmetric-in-plural",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["none"]},
            "cimd-auth-singular-in-plural",
        ),
        ({"token_endpoint_auth_signing_alg": "none"}, "pkjwt-alg-none"),
        ({"jwks_uri": "https://a/"}, "host-both-jwks-members"),
        ({"logo_uri": "data:image/png"}, "cimd-uri-scheme-allowlist"),
        ({"scope": ["a"]}, "cimd-doc-valid-json"),
    ],
)
def test_each_rule_finds_its_mistake(changed: dict[str, Any], requirement: str) -> None:
    assert requirement in found(changed)
    assert requirement in load_requirements()


def test_what_is_missing_is_told() -> None:
    assert "cimd-client-doc-mcp-members" in found({}, "redirect_uris")
    assert "cimd-auth-private-key-jwt-required" in found({}, "jwks")
    plural = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    assert found(plural, "token_endpoint_auth_method") == {"cimd-auth-publish-both"}


def test_the_document_has_to_be_where_it_says() -> None:
    wrong = [one.requirement for one in lint_document(GOOD, f"{URL}/")]
    assert wrong == ["cimd-client-doc-self-reference"]


@pytest.mark.parametrize(
    ("data", "requirement", "readable"),
    [
        (b"{", "cimd-doc-valid-json", False),
        (b"[" * 100_000, "cimd-doc-valid-json", False),
        (b"[]", "cimd-doc-valid-json", False),
        (b"\xef\xbb\xbf{}", "cimd-doc-valid-json", True),
        (b'{"a": "\xff"}', "cimd-doc-valid-json", True),
        (b'{"a": 1, "a": 2}', "cimd-doc-duplicate-members", True),
        (b'{"a": "' + b"x" * 6000 + b'"}', "cimd-fetch-size-limit", True),
    ],
)
def test_odd_json_is_told(data: bytes, requirement: str, readable: bool) -> None:
    parsed = parse(data)
    assert requirement in {one.requirement for one in parsed.wrong}
    assert (parsed.members is not None) is readable


@pytest.mark.parametrize(
    ("keys", "requirement"),
    [
        ({}, "host-jwks-served"),
        ({"keys": ["x"]}, "host-jwks-served"),
        ({"keys": [{**EC, "d": "x"}]}, "host-jwks-served"),
        ({"keys": [{"kty": "oct"}]}, "host-jwks-served"),
        ({"keys": [{"kty": "RSA", "n": "AQAB"}]}, "cimd-auth-rfc8725"),
        ({"keys": [{"kty": "new"}]}, "host-jwks-served"),
        ({"keys": [{**EC, "use": "enc"}]}, "pkjwt-key-use"),
        ({"keys": [{**EC, "alg": "HS256"}]}, "pkjwt-alg-allowlist"),
        ({"keys": [EC, EC]}, "pkjwt-kid-handling"),
        ({"keys": [EC, {**EC, "kid": None}]}, "pkjwt-kid-handling"),
    ],
)
def test_key_sets(keys: Any, requirement: str) -> None:
    wrong = [one.requirement for one in lint_key_set(keys, inline=False)]
    assert requirement in wrong


@pytest.mark.parametrize(
    ("status", "headers", "requirement"),
    [
        (302, {}, "cimd-fetch-no-redirects"),
        (404, {}, "cimd-fetch-status-200-only"),
        (200, {"content-type": "text/html"}, "cimd-fetch-content-type-json"),
        (200, {"content-type": "application/json"}, "host-cache-headers"),
    ],
)
def test_answers(status: int, headers: dict[str, str], requirement: str) -> None:
    wrong = [one.requirement for one in lint_answer(status, headers)]
    assert requirement in wrong


def test_a_good_answer() -> None:
    kind = "application/client+json; charset=utf-8"
    assert not list(lint_answer(200, {"content-type": kind, "etag": '"1"'}))


def test_a_profile_gives_the_level() -> None:
    wrong = list(lint_document({**GOOD, "client_secret": "s"}, URL))
    (finding,) = graded(wrong, load_profile("cimd-03"))
    assert finding.level is Level.MUST
    assert finding.grave
    assert "CIMD-03" in finding.clause


@pytest.mark.parametrize(
    ("changed", "demand"),
    [
        ({"client_id": f"{URL}2"}, {Demand.NEW_CLIENT}),
        ({"redirect_uris": [*GOOD["redirect_uris"], "https://x/"]}, {Demand.CONSENT}),
        ({"redirect_uris": GOOD["redirect_uris"][:1]}, {Demand.OVERLAP}),
        ({"token_endpoint_auth_method": "none"}, {Demand.REVOKE}),
        ({"jwks": {"keys": [{**EC, "x": "zz", "kid": "2"}]}}, {Demand.OVERLAP}),
        ({"jwks": {"keys": [EC, {**EC, "x": "zz"}]}}, set()),
        ({"jwks": {"keys": []}}, {Demand.NOTHING, Demand.REVOKE}),
        ({"client_name": "Other"}, {Demand.CONSENT}),
        ({"scope": "mcp:write"}, {Demand.CONSENT}),
        ({"some_extension": 1}, set()),
    ],
)
def test_changes(changed: dict[str, Any], demand: set[Demand]) -> None:
    found = list(consequences(GOOD, {**GOOD, **changed}))
    assert {one.demand for one in found} == demand
    assert all(one.requirement in load_requirements() for one in found)
