"""Every flaw has the shape of its check, and differs from it somewhere."""

import dataclasses
import gzip
import hashlib
import hmac
import inspect
import ipaddress
import json
from collections import Counter
from typing import get_type_hints

import pytest
from joserfc.jwk import ECKey, RSAKey

from cimd_testbed import core
from cimd_testbed.core import CacheBounds, JsonObject
from cimd_testbed.flaws import FLAWS, flawed
from cimd_testbed.reference import recording, sign_jwt
from cimd_testbed.reference.authorization_server import Checks

HONEST = Checks()
SERVER_FLAWS = {
    flaw.id: flaw for flaw in FLAWS.values() if flaw.role == "authorization-server"
}
EC = ECKey.generate_key("P-256", {"kid": "1"})
PUBLIC = JsonObject(EC.as_dict(private=False))
RSA = RSAKey.generate_key(2048, {"kid": "2"})
PUBLIC_RSA = JsonObject(RSA.as_dict(private=False))
ID = "https://client.example/c.json"
CB = "https://client.example/cb"
LOCAL = "http://127.0.0.1/cb"


def obj(**members):
    return JsonObject(members)


def ips(*texts):
    return tuple(map(ipaddress.ip_address, texts))


def signed(alg="ES256", key=EC):
    return sign_jwt(obj(alg=alg, typ="at+jwt"), json.dumps({"sub": ID}).encode(), key)


def maced():
    header = core.secret_value(b'{"alg":"HS256"}')
    text = f"{header}.{core.secret_value(b'{}')}"
    secret = EC.as_pem(private=False)
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{core.secret_value(mac)}"


UNSIGNED = core.secret_value(b'{"alg":"none"}') + ".e30."
FORGED = signed()[:-8] + "AAAAAAAA"

CLIENT_IDS = [
    *(ID, "http://client.example/c.json", "https://u@client.example/c.json"),
    *(f"{ID}#f", "https://client.example/../c.json", "https://client.example"),
    *("https://client.example/%2e/c.json", "https://client.example/a b.json"),
    *(f"https://client.example/{'a' * 3000}.json", "https://client.example/c"),
    "https://client.example:8443/c.json",
]
ADDRESSES = [
    *("93.184.216.34", "169.254.169.254", "10.0.0.1", "127.0.0.1", "0.0.0.0"),
    *("100.64.0.1", "192.0.2.1", "fd00::1", "224.0.0.1", "5f00::1", "2a00::1"),
    *("::ffff:10.0.0.1", "::10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1"),
    *("64:ff9b:1::10.0.0.1", "2002:a00:1::", "2001:0:a00:1::"),
    *(
        "2606:2800:220:1:0:5efe:10.0.0.1",
        "fec0::1",
        "11.0.0.1",
        "172.31.0.1",
        "192.31.196.1",
    ),
]
GUARDED = [
    *(("name.example", ips(text)) for text in ADDRESSES),
    ("name.example", ips("93.184.216.34", "10.0.0.1")),
    ("10.0.0.1", ips("10.0.0.1")),
    ("10.1", ips("10.0.0.1")),
    ("intranet", ips("10.0.0.1")),
    ("name.example", ips("93.184.216.34", "93.184.216.35")),
    ("name.example", ips("10.0.0.1", "93.184.216.34")),
    ("name.example", ips("93.184.216.34", "fd00::1")),
]
REDIRECTS = [
    *((uri, (CB, f"{CB}2")) for uri in (CB, f"{CB}2", f"{CB}/x", f"{CB}3")),
    ("https://client.example/x/../cb", (CB,)),
    ("https://client.example/other", (CB,)),
    ("https://client.example/x", ("https://client.example/*",)),
    ("https://evil.example/", (CB,)),
    ("https://client.example:8443/cb", (CB,)),
    *((uri, (CB,)) for uri in (CB.replace("cb", "CB"), f"https://x/?{CB}", f"{CB}?n")),
    *((uri, (CB,)) for uri in (f"{CB}/", CB[:-1])),
    *((uri, (LOCAL,)) for uri in ("http://127.0.0.1:1/cb", "http://127.0.0.1:1/x")),
    ("http://[::1]/cb", (LOCAL,)),
]
DOCUMENTS = [
    obj(client_id=ID, redirect_uris=[CB]),
    obj(unknown=1, redirect_uris=[LOCAL]),
    obj(client_secret="s", redirect_uris=[]),
    obj(token_endpoint_auth_method="client_secret_basic"),
    obj(jwks={"keys": [{"kty": "oct", "k": "x"}]}, jwks_uri="https://x/", keys=[]),
    obj(keys=[{"kty": "oct", "k": "x"}], redirect_uris=["javascript:1"]),
    obj(redirect_uris=["http://client.example/"], logo_uri="javascript:1"),
    obj(redirect_uris=["app:/cb"], response_types=["code"], grant_types=["x"]),
    obj(redirect_uris=["com.example.app:/cb"]),
    obj(redirect_uris=[f"{CB}#x"]),
    obj(redirect_uris=[CB, "javascript:1"]),
    obj(token_endpoint_auth_methods_supported=["none", "other"]),
    obj(token_endpoint_auth_methods_supported=["private_key_jwt"]),
    obj(
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_methods_supported=["none"],
    ),
]
ASSERTIONS = [
    *((text, PUBLIC, ("ES256", "RS256")) for text in (signed(), FORGED, UNSIGNED)),
    (maced(), PUBLIC, ("ES256",)),
    (signed("RS256", RSA), PUBLIC_RSA, ("RS256",)),
]
RESOURCES = [((), ("r",)), (("r",), ("r",)), (("x",), ("r", "x")), (("y",), ("r",))]
METADATA = obj(
    issuer="https://as.example",
    token_endpoint="https://as.example/token",
    client_id_metadata_document_supported=True,
    authorization_response_iss_parameter_supported=True,
    code_challenge_methods_supported=["S256"],
    token_endpoint_auth_methods_supported=["none", "private_key_jwt"],
    token_endpoint_auth_signing_alg_values_supported=["ES256"],
)
SUBSETS = [
    (wanted, granted, ("https://a/", "https://b/"))
    for wanted in ((), ("https://a/",), ("https://b/",))
    for granted in (("https://a/",),)
]

INPUTS = {
    "client_id_url": [(value,) for value in CLIENT_IDS],
    "fetch_for_visitor": [(True,), (False,)],
    "destination": [
        *(("https://a/",), ("https://[::1%25lo]/",), ("https://10.0.0.1@a/",)),
        *(("https://a:8443/b//c",), ("https://a/b%7E;x",)),
        *(("https://a\\@10.0.0.1/",), ("https://10.0.\t0.1/",), ("https://%31/",)),
    ],
    "also_fetched": [
        (member, "https://b/", "https://a/c")
        for member in ("tos_uri", "jku", "jwks_uri")
    ],
    "judged_anew": [(0,), (1,)],
    "judged_before_dialling": [("h",)],
    "connection_key": [("h", "1.1.1.1", 443)],
    "fetch_url": [("https://a/",), ("http://a/",)],
    "addresses": GUARDED,
    "jwks_addresses": GUARDED,
    "token_addresses": GUARDED,
    "logo_addresses": GUARDED,
    "addresses_to_dial": [("h", ips("1.1.1.1"))],
    "fetch_problem": [(problem,) for problem in core.FetchProblem],
    "environment_proxy": [(None,), ("http://proxy.example:3128",)],
    "tls_problem": [(problem,) for problem in core.TlsProblem],
    "follow_redirect": [(ID, 200, None), (ID, 302, "/x"), (ID, 307, "https://b/")],
    "other_redirect": [
        ((), b"{}"),
        ((("Refresh", "0; url=https://b/c"),), b""),
        ((("Alt-Svc", 'h2="b:443"'),), b""),
        ((), b'<meta http-equiv="refresh" content="0; url=https://b/c">'),
    ],
    "fetch_status": [(200,), (203,), (302,), (404,)],
    "content_type": [
        *(("application/json",), ("text/html",), ("application/json; charset=utf-8",)),
        *(("application/x+json",), ("Application/JSON",), (None,)),
    ],
    "fetch_headers": [("application/json",)],
    "read_complete": [(True, 5120), (False, 600), (False, 5000)],
    "fetch_cookie": [("crumb=1",), (None,)],
    "failure_text": [("reason", b"body")],
    "document_json": [
        *((b"{}",), (b'{"a":1,"a":2}',), (b"[]",), (b'{"A": 1}',), (b'{"a": 1} x',)),
        (b'{"__proto__": {"a": 1}, "constructor": {"prototype": {"b": 1}}}',),
        *((b'{"a": NaN}',), ('{"a": 1}'.encode("utf-16"),), (b'{"a": "\xff"}',)),
        (b'{"redirect_uris": "https://a/b"}',),
        (b'{"a": ' + b"[" * 20 + b"]" * 20 + b"}",),
    ],
    "decoded_body": [(None, b"x"), ("identity", b"x"), ("gzip", gzip.compress(b"x"))],
    "join_fetch": [(ID,)],
    "host_brake": [(0, 30), (30, 30)],
    "failure_status": [("x",)],
    "failure_at_token": [("x",)],
    "cache_key": [(ID,), (f"{ID}/?x",), (f"{ID}%7E",)],
    "document_client_id": [
        (obj(client_id=stated), ID, ID)
        for stated in (
            ID,
            "https://CLIENT.example/c.json",
            None,
            "https://evil.example",
            "https://client.example/x",
            "https://client.example/C.json",
            "https://client.example:8443/c.json",
            f"{ID}n",
            f"x{ID}",
        )
    ]
    + [(obj(), ID, ID)],
    "document_stand_in": [
        (ID, CB, clause)
        for clause in (
            *("cimd-doc-valid-json", "other", "cimd-fetch-failure-aborts"),
            *("cimd-fetch-status-200-only", "cimd-redirect-registration-required"),
        )
    ],
    "freshness": [
        ((("Cache-Control", "no-store"),), CacheBounds()),
        ((("Cache-Control", "max-age=9"), ("Age", "3")), CacheBounds()),
    ],
    "jwks_freshness": [((), CacheBounds())],
    "still_fresh": [(0.0, 1.0, 2.0)],
    "failure_lifetime": [("x",)],
    "invalid_document_lifetime": [("x",)],
    "stale_after_failure": [("x", 1.0)],
    "document_at_issue": [(obj(a=1), obj(a=2))],
    "keys_that_count": [((obj(kid="1"),), (obj(kid="2"),))],
    "unknown_kid_refetch": [(0.0, 1.0, 10.0), (0.0, 10.0, 1.0)],
    "repeated_parameters": [(("a", "a"),)],
    "redirect_uri_required": [(None, ("a", "b"))],
    "redirect_uri": REDIRECTS,
    "loopback_port": REDIRECTS,
    "response_mode": [("fragment",)],
    "pkce_challenge": [("x",)],
    "jwks_still_fresh": [(0.0, 1.0, 2.0)],
    "response_type": [("code",), ("token",)],
    "pkce_required": [(None, True)],
    "pkce_method": [("x", "plain"), ("x", "S256")],
    "resource": RESOURCES,
    "scope": [(("x",), ("a",), None), (("a",), ("a",), ())],
    "auth_methods": [(item, ("none", "private_key_jwt")) for item in DOCUMENTS],
    "auth_method_in_common": [((),)],
    "error_redirect": [(False, False, CB)],
    "response_issuer": [("https://as.example", True), ("https://as.example", False)],
    "response_state": [("a+b",), (None,)],
    "response_location": [("https://a/?b=c", (("code", "x"),))],
    "redirect_status": [("GET",), ("POST",)],
    "secret_value": [(bytes(32),)],
    "consent_required": [
        *((ID, (ID,), obj()), (ID, ("other",), obj()), (ID, (), obj())),
        (ID, (), obj(trusted=True)),
    ],
    "consent_text": [("<b>",), ('"',)],
    "consent_hosts": [(ID, CB)],
    "consent_loopback_warning": [((LOCAL,),)],
    "consent_logo": [("https://a/l.png", "/logo/x")],
    "logo_content": [(b"<svg>", False)],
    "page_headers": [()],
    "consent_csrf": [("a", None)],
    "login_csrf": [("a", None)],
    "consent_session": [("a", "b")],
    "consent_unanswered": [(1,)],
    "consent_scope": [(("a", "b"),)],
    "provider_state_made": [(False,), (True,)],
    "provider_cookie_name": [(True,)],
    "provider_cookie_attributes": [(True,)],
    "provider_browser": [("a", None), ("a", "b")],
    "provider_state_unused": [(1,)],
    "provider_state_age": [(0.0, 1.0, 99.0)],
    "consent_given": [("approve",), ("deny",), (None,)],
    "single_auth_method": [(("a", "b"),)],
    "client_auth_method": [
        (presented, ("private_key_jwt",))
        for presented in ("none", "private_key_jwt", "client_secret_post")
    ],
    "assertion_type": [("x",)],
    "assertion_typ": [(obj(typ="at+jwt"),), (obj(typ="oauth-client-auth+jwt"),)],
    "assertion_critical": [(obj(crit=["x"]),)],
    "assertion_issuer_subject": [(obj(iss="x", sub=ID), ID), (obj(sub="x"), ID)],
    "assertion_audience": [
        (claims, "i", "i/token")
        for claims in (
            *(
                obj(aud="i"),
                obj(aud=["i", "j"]),
                obj(aud="j"),
                obj(aud="i/token"),
                obj(),
            ),
        )
    ],
    "assertion_expiry": [(obj(exp=1), 1000.0, 60.0), (obj(exp=99999), 1000.0, 60.0)],
    "assertion_not_before": [(obj(nbf=9999), 1000.0)],
    "assertion_jti": [(1,)],
    "assertion_key": [
        (obj(kid="1", jwk={"kty": "EC"}), (PUBLIC,)),
        (obj(kid="2"), (PUBLIC, PUBLIC_RSA)),
        (obj(kid="1"), (PUBLIC, PUBLIC_RSA)),
        (obj(), (PUBLIC, PUBLIC_RSA)),
        (obj(kid="3"), (obj(kid="3", use="enc"),)),
        (obj(), (PUBLIC,)),
    ],
    "assertion_key_found": [(0,)],
    "assertion_signature": ASSERTIONS,
    "grant_auth_method": [("private_key_jwt", "none")],
    "grant_type": [("refresh_token", ())],
    "code_client": [("a", "b")],
    "code_redirect_uri": [("a", "b"), ("a", None)],
    "code_expiry": [(0.0, 99.0, 1.0)],
    "pkce_verifier": [
        (core.s256_challenge("v" * 43), "S256", verifier)
        for verifier in ("v" * 43, "w" * 43, None, core.s256_challenge("v" * 43))
    ]
    + [(None, None, "v" * 43)],
    "code_unused": [(1,)],
    "code_replay_revokes": [(1,)],
    "token_resource": SUBSETS,
    "refresh_resource": SUBSETS,
    "access_token_lifetime": [(600.0,)],
    "access_token_claims": [(obj(client_id=ID),)],
    "token_headers": [()],
    "refresh_token_issued": [(("refresh_token",),), ((),)],
    "refresh_client": [("a", "b"), ("a", "a")],
    "refresh_expiry": [(0.0, 99.0, 1.0)],
    "refresh_scope": [(("b",), ("a",))],
    "refresh_unused": [(1,)],
    "refresh_replay_revokes": [(1,)],
    "refresh_rotates": [(True,)],
    "grant_alive": [(True,)],
    "revocation_client": [("a", "b")],
    "introspection_caller": [(None,)],
    "introspection_audience": [("a", ("b",))],
    "token_audience": [(("a",), ("a", "b"))],
    "metadata": [(METADATA, "evil.example")],
}
for name in list(vars(Checks())):
    if name.startswith("document_") or name == "jwks_private_key":
        INPUTS.setdefault(name, [(item,) for item in DOCUMENTS])


def every_flaw():
    return pytest.mark.parametrize(
        "flaw", SERVER_FLAWS.values(), ids=SERVER_FLAWS.keys()
    )


@every_flaw()
def test_has_the_shape_of_its_check(flaw):
    honest = getattr(HONEST, flaw.check)
    kinds = {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    wanted = list(inspect.signature(honest).parameters)
    given = inspect.signature(flaw.replacement).parameters.values()
    hints, own = get_type_hints(honest), get_type_hints(flaw.replacement)
    assert own["return"] == hints["return"]
    assert [own[item.name] for item in given] == [hints[name] for name in wanted]
    assert {item.kind for item in given} <= kinds


@every_flaw()
def test_differs_from_its_check_somewhere(flaw):
    honest = getattr(HONEST, flaw.check)
    answers = [(honest(*args), flaw.replacement(*args)) for args in INPUTS[flaw.check]]
    assert any(right != wrong for right, wrong in answers)
    again = [(honest(*args), flaw.replacement(*args)) for args in INPUTS[flaw.check]]
    assert answers == again


@every_flaw()
def test_is_described(flaw):
    assert flaw.id == flaw.id.lower().replace("_", "-").strip("-")
    assert flaw.title.endswith(".")
    assert flaw.replacement.__doc__ is None


def test_no_two_flaws_are_the_same():
    answers = Counter(
        (flaw.check, repr([flaw.replacement(*a) for a in INPUTS[flaw.check]]))
        for flaw in SERVER_FLAWS.values()
    )
    assert [key[0] for key, count in answers.items() if count > 1] == []


def test_flawed_changes_one_field():
    flaw = FLAWS["redirect-uri-not-compared"]
    changed = flawed(Checks(), flaw)
    differing = [
        field.name
        for field in dataclasses.fields(Checks)
        if getattr(changed, field.name) != getattr(Checks(), field.name)
    ]
    assert differing == [flaw.check]


def test_recording_reports_each_call():
    seen = []
    checks = recording(Checks(), lambda *call: seen.append(call))
    assert checks.code_unused(1) == core.code_unused(1)
    assert seen == [("code_unused", (1,), core.code_unused(1))]


def test_every_check_of_the_server_can_go_wrong_somehow():
    names = {field.name for field in dataclasses.fields(Checks)}
    assert {
        flaw.check for flaw in FLAWS.values() if flaw.role == "authorization-server"
    } == names
