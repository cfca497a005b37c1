"""Every flaw of the tool server has the shape of its check, and differs somewhere."""

import dataclasses
import hashlib
import hmac
import inspect
import json
from collections import Counter
from typing import get_type_hints

import pytest
from joserfc.jwk import ECKey

from cimd_testbed import core
from cimd_testbed.core import JsonObject
from cimd_testbed.flaws import FLAWS
from cimd_testbed.reference import sign_jwt
from cimd_testbed.reference.tool_server import ToolServerChecks

HONEST = ToolServerChecks()
TOOL_FLAWS = {flaw.id: flaw for flaw in FLAWS.values() if flaw.role == "tool-server"}
WITHOUT_A_FLAW = {
    "metadata_issuer": "the issuer is configured: no scenario can forge its metadata",
    "session_id": "that ids can be guessed shows in no single run",
}
EC = ECKey.generate_key("P-256", {"kid": "1"})
PUBLIC = JsonObject(EC.as_dict(private=False))
OTHER = JsonObject(ECKey.generate_key("P-256", {"kid": "2"}).as_dict(private=False))
RESOURCE = "https://tools.example/mcp"
ISSUER = "https://as.example"
ORIGIN = "https://tools.example"


def obj(**members):
    return JsonObject(members)


def unsigned(alg):
    head = core.secret_value(json.dumps({"alg": alg, "typ": "at+jwt"}).encode())
    return f"{head}.{core.secret_value(b'{}')}"


def maced():
    text = unsigned("HS256")
    secret = EC.as_pem(private=False)
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{core.secret_value(mac)}"


SIGNED = sign_jwt(obj(alg="ES256", typ="at+jwt"), b"{}", EC)
NAMED = sign_jwt(obj(alg="ES256", typ="at+jwt", kid="1"), b"{}", EC)
TOKENS = [
    f"{NAMED[:-8]}AAAAAAAA",
    *(SIGNED, f"{SIGNED[:-8]}AAAAAAAA", f"{unsigned('none')}.", maced()),
    f"{SIGNED.rpartition('.')[0]}.{core.secret_value(bytes(64))}",
    f"{SIGNED.rpartition('.')[0]}.",
    *(f"{unsigned(alg)}.AAAA" for alg in ("XX256", "ES256")),
]
AUDIENCES = [
    *(RESOURCE, [RESOURCE], None, f"{RESOURCE}/", f"{RESOURCE}-b", "https://x"),
    *(RESOURCE.replace("mcp", "MCP"), f"x{RESOURCE}", {RESOURCE: True}),
    f"{RESOURCE}?n".replace("//", "//user@"),
    *("https://not-tools.example/mcp", "https://tools.example.evil.example/mcp"),
]
ISSUERS = [
    *(ISSUER, f"{ISSUER}/", "https://x", [ISSUER], f"{ISSUER}-b", f"x{ISSUER}"),
    *(f"{ISSUER}:8443", ISSUER.upper(), f"{ISSUER}?n".replace("//", "//user@")),
]
METADATA = obj(
    resource=RESOURCE, authorization_servers=[ISSUER], scopes_supported=["mcp:read"]
)
LONG = "a-token-that-is-long-enough"
AGREEMENTS = [("a", "b"), (None, "a"), ("a", "a"), ("=?base64?YQ==?=", "a")]

INPUTS = {
    "bearer_token": [(), (LONG,), (f"Bearer {LONG}",), (f"bearer {LONG}",)],
    "malformed_credentials": [("Bearer",)],
    "query_token": [(("access_token", "a"),)],
    "open_to_all": [
        "initialize",
        "server/discover",
        "tools/list",
        "tools/call",
        "GET",
        "ping",
    ],
    "processed_when_refused": [401, 403],
    "unreadable_token": ["abc", "null"],
    "token_critical": [obj(crit=["x"])],
    "token_typ": [obj(typ="application/at+jwt"), obj(typ="logout+jwt"), obj()],
    "introspection_active": [obj(active=False)],
    "token_claims": [obj(tenant="blue"), obj(sub="a")],
    "error_status": ["", "invalid_token", "insufficient_scope"],
    "challenge_error": ["", "invalid_token"],
    "metadata_published": ["path", "root"],
    "request_members": [obj()],
    "protocol_version": ["1999-01-01"],
    "session_owner": [obj(sub="a", jti="1")],
}
INPUTS = {name: [(value,) for value in values] for name, values in INPUTS.items()}
INPUTS |= {
    "upstream_credential": [("the-client-s", "our-own")],
    "verified_before": [("a.b.c", ("a.b.d",))],
    "token_key": [(obj(jwk=OTHER.plain()), (PUBLIC,)), (obj(kid="1"), (PUBLIC,))],
    "token_signature": [(token, PUBLIC, core.TOKEN_ALGORITHMS) for token in TOKENS],
    "keys_still_fresh": [(0.0, 1.0, 99.0)],
    "keys_that_count": [((PUBLIC,), (OTHER,)), ((), (PUBLIC, OTHER))],
    "unknown_kid_refetch": [(0.0, 99.0, 1.0), (0.0, 0.5, 1.0)],
    "introspection_still_fresh": [(0.0, 0.0, 50.0, 99.0), (0.0, 0.0, None, 999.0)],
    "session_authenticates": [(True, True), (True, False), (False, False)],
    "answer_key": [("1", "7")],
    "implied_scope": [(("a",), (("a", ("b",)),))],
    "introspection_after_failure": [("x", 1.0)],
    "token_key_url": [
        (obj(jku="https://evil.example/"), obj()),
        (obj(x5u="https://evil/"), obj()),
        (obj(), obj(iss="https://evil.example")),
    ],
    "token_issuer": [(obj(iss=iss), ISSUER) for iss in ISSUERS],
    "token_audience": [(obj(aud=aud), RESOURCE) for aud in AUDIENCES],
    "token_expiry": [
        (obj(exp=1), 9.0),
        (obj(), 9.0),
        (obj(exp=99), 9.0),
        (obj(exp="never"), 9.0),
    ],
    "token_not_before": [(obj(nbf=99), 9.0)],
    "token_scope": [
        (obj(scope=text), ("a", "b")) for text in ("a b", "a", "ab", "x-a x-b")
    ],
    "challenge_scope": [(("a", "b"), ()), (("a", "b"), ("a",))],
    "challenge_text": [((("scope", "a b"), ("error", "insufficient_scope")),)],
    "challenge_metadata": [(f"{ORIGIN}/x", "evil.example", "")],
    "resource_metadata": [(METADATA, "evil.example", "")],
    "request_origin": [
        (origin, ORIGIN)
        for origin in (
            "null",
            "https://evil.example",
            f"{ORIGIN}.evil",
            "x://a-tools.example",
            "https://not-tools.example",
        )
    ],
    "version_header": AGREEMENTS,
    "method_header": AGREEMENTS,
    "name_header": AGREEMENTS,
    "session_belongs": [("a", "b")],
}


def every_flaw():
    return pytest.mark.parametrize("flaw", TOOL_FLAWS.values(), ids=TOOL_FLAWS.keys())


@every_flaw()
def test_has_the_shape_of_its_check(flaw):
    honest = getattr(HONEST, flaw.check)
    wanted = list(inspect.signature(honest).parameters)
    given = inspect.signature(flaw.replacement).parameters.values()
    hints, own = get_type_hints(honest), get_type_hints(flaw.replacement)
    assert own["return"] == hints["return"]
    assert [own[item.name] for item in given] == [hints[name] for name in wanted]


@every_flaw()
def test_differs_from_its_check_somewhere(flaw):
    honest = getattr(HONEST, flaw.check)
    answers = [(honest(*args), flaw.replacement(*args)) for args in INPUTS[flaw.check]]
    assert any(right != wrong for right, wrong in answers)


@every_flaw()
def test_is_described(flaw):
    assert flaw.id.startswith("tool-")
    assert flaw.title.endswith(".")


def test_no_two_flaws_are_the_same():
    answers = Counter(
        (flaw.check, repr([flaw.replacement(*a) for a in INPUTS[flaw.check]]))
        for flaw in TOOL_FLAWS.values()
    )
    assert [key[0] for key, count in answers.items() if count > 1] == []


def test_every_check_can_go_wrong_somehow():
    names = {field.name for field in dataclasses.fields(ToolServerChecks)}
    found = {flaw.check for flaw in TOOL_FLAWS.values()}
    assert found | WITHOUT_A_FLAW.keys() == names
    assert not found & WITHOUT_A_FLAW.keys()
