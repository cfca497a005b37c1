"""The reference authorization server, end to end: TLS, names, documents, browser."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json

import pytest
from joserfc.jwk import ECKey, OctKey
from reference_bed import (
    CALLBACK,
    CLIENT_ID,
    EC,
    ED,
    ISSUER,
    OTHER_RESOURCE,
    PNG,
    RESOURCE,
    RSA,
    assertion,
    claims_of,
    document,
    open_bed,
    public_jwks,
    response_parameters,
)

from cimd_testbed.core import JsonObject, read_unverified_jwt
from cimd_testbed.flaws import FLAWS, flawed
from cimd_testbed.net import Response, json_response
from cimd_testbed.reference import recording, signature_matches
from cimd_testbed.reference.authorization_server import (
    Checks,
    RegisteredClient,
    Resource,
)

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BASIC = ("Authorization", f"Basic {base64.b64encode(b'rs:rs-pw').decode()}")
EVIL = "https://evil.cimd-hosts.net/client.json"


@pytest.fixture
async def bed():
    async with open_bed() as bed:
        bed.publish(document())
        yield bed


def confidential(**members):
    return document(token_endpoint_auth_method="private_key_jwt", **members)


def authenticated(bed, key=EC, alg="ES256", header=None, **claims):
    now = int(bed.clock.now())
    claims = {"iat": now, "exp": now + 60, **claims}
    return {
        "client_assertion": assertion(key, alg, header, **claims),
        "client_assertion_type": JWT_BEARER,
    }


async def fetch_json(bed, url):
    return json.loads((await bed.client.request("GET", url)).body)


# -- discovery ---------------------------------------------------------------------


async def test_metadata(bed):
    one, two = [
        await fetch_json(bed, f"{ISSUER}/.well-known/{name}")
        for name in ("oauth-authorization-server", "openid-configuration")
    ]
    assert one == two
    assert one["issuer"] == ISSUER
    assert one["client_id_metadata_document_supported"] is True
    assert one["authorization_response_iss_parameter_supported"] is True
    assert one["code_challenge_methods_supported"] == ["S256"]
    assert one["token_endpoint_auth_methods_supported"] == ["none", "private_key_jwt"]
    assert "none" not in one["token_endpoint_auth_signing_alg_values_supported"]


async def test_issuer_with_a_path():
    async with open_bed(issuer=f"{ISSUER}/tenant/") as bed:
        for path in (
            "/.well-known/oauth-authorization-server/tenant",
            "/.well-known/openid-configuration/tenant",
            "/tenant/.well-known/openid-configuration",
        ):
            metadata = await fetch_json(bed, ISSUER + path)
            assert metadata["issuer"] == f"{ISSUER}/tenant/"
            assert metadata["token_endpoint"] == f"{ISSUER}/tenant/token"


# -- the public client -------------------------------------------------------------


async def test_public_client(bed):
    answer = await bed.authorize()
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("a b&c", ISSUER)
    status, body = await bed.redeem(answer["code"])
    assert status == 200
    assert body["token_type"] == "Bearer"
    assert body["scope"] == "mcp:read"
    token = read_unverified_jwt(body["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert {
        "iss": ISSUER,
        "sub": "alice",
        "aud": RESOURCE,
        "client_id": CLIENT_ID,
        "scope": "mcp:read",
    }.items() <= token.claims.plain().items()
    (key,) = [
        JsonObject(key)
        for key in (await fetch_json(bed, f"{ISSUER}/jwks"))["keys"]
        if key["kid"] == token.header["kid"]
    ]
    assert "d" not in key
    assert signature_matches(body["access_token"], key, "ES256")
    assert bed.asked == [CLIENT_ID]


async def test_post_and_two_users(bed):
    browser = bed.browser()
    page = await browser.request("POST", f"{ISSUER}/authorize", bed.parameters())
    page = await browser.submit(page, username="bob", password="wrong")
    assert "wrong" in page.text
    page = await browser.submit(page, username="bob", password="bob-pw")
    assert "bob, it asks for" in page.text
    answer = response_parameters(await browser.submit(page, decision="approve"))
    _, body = await bed.redeem(answer["code"])
    assert claims_of(body["access_token"])["sub"] == "bob"


async def test_nothing_is_fetched_for_strangers(bed):
    browser = bed.browser()
    query = f"{ISSUER}/authorize?client_id={CLIENT_ID}"
    page = await browser.request("GET", query)
    assert 'name="password"' in page.text
    assert bed.asked == []


async def test_rsa_signed_tokens_and_rotation():
    async with open_bed(signing_algorithms=("RS256",)) as bed:
        bed.publish(document())
        first = await bed.tokens()
        bed.server.rotate_signing_key()
        second = await bed.tokens()
        keys = (await fetch_json(bed, f"{ISSUER}/jwks"))["keys"]
        kids = [key["kid"] for key in keys]
        for body in (first, second):
            header = read_unverified_jwt(body["access_token"]).header
            assert header["kid"] in kids
        assert len(set(kids)) == 2


# -- consent -----------------------------------------------------------------------


async def test_consent_page(bed):
    bed.publish(
        document(
            client_name="<script>alert(1)</script>",
            redirect_uris=["http://127.0.0.1/cb"],
            logo_uri="https://client.cimd-hosts.net/logo.png",
        )
    )
    bed.hosted["https://client.cimd-hosts.net/logo.png"] = Response(
        200, (("Content-Type", "image/png"),), PNG
    )
    browser, page = await bed.open(redirect_uri="http://127.0.0.1:51337/cb")
    assert page.status == 200
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    heading = page.text.index("client.cimd-hosts.net</strong> access")
    assert (
        heading < page.text.index("127.0.0.1:51337") < page.text.index("(unverified)")
    )
    assert "loopback-warning" in page.text
    assert "frame-ancestors 'none'" in page.header("content-security-policy")
    assert page.header("referrer-policy") == "no-referrer"
    assert page.header("x-frame-options") == "DENY"
    logo = page.text.partition('<img src="')[2].partition('"')[0]
    picture = await browser.request("GET", ISSUER + logo)
    assert (picture.body, picture.header("content-type")) == (PNG, "image/png")


async def test_consent_is_always_asked(bed):
    browser, page = await bed.open()
    await browser.submit(page, decision="approve")
    _, page = await bed.open(browser)
    assert page.status == 200
    assert 'name="decision"' in page.text


async def test_denied(bed):
    browser, page = await bed.open()
    answer = response_parameters(await browser.submit(page, decision="deny"))
    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"]) == ("a b&c", ISSUER)


async def test_consent_is_protected(bed):
    browser, page = await bed.open()
    for values in ({"csrf_token": "x"}, {"request": "x"}):
        refused = await browser.submit(page, decision="approve", **values)
        assert refused.status in (400, 403)
        assert refused.header("location") is None
    other, _ = await bed.open(user="bob")
    assert (await other.submit(page, decision="approve")).status == 403
    stranger = bed.browser()
    assert (await stranger.submit(page, decision="approve")).status == 403
    done = await browser.submit(page, decision="approve")
    assert done.status == 303
    assert (await browser.submit(page, decision="approve")).status == 403


async def test_login_is_protected(bed):
    browser = bed.browser()
    page = await browser.request("GET", f"{ISSUER}/authorize?client_id={CLIENT_ID}")
    before = dict(browser.cookies)
    refused = await browser.submit(page, csrf_token="x", username="alice")
    assert refused.status == 400
    foreign = await bed.browser().submit(page, username="alice", password="alice-pw")
    assert foreign.status == 400
    await browser.submit(page, username="alice", password="alice-pw")
    assert browser.cookies != before


async def test_redirect_uri_withdrawn_while_the_page_was_open(bed):
    bed.publish(document(), Cache_Control="no-store")
    browser, page = await bed.open()
    bed.publish(document(redirect_uris=["https://client.cimd-hosts.net/new"]))
    done = await browser.submit(page, decision="approve")
    assert (done.status, done.header("location")) == (400, None)


async def test_document_gone_while_the_page_was_open(bed):
    bed.publish(document(), Cache_Control="no-store")
    browser, page = await bed.open()
    bed.hosted.clear()
    done = await browser.submit(page, decision="approve")
    assert (done.status, done.header("location")) == (400, None)


# -- authorization errors ----------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "http://client.cimd-hosts.net/client.json"},
        {"client_id": "https://client.cimd-hosts.net/missing.json"},
        {"client_id": "https://nowhere.cimd-hosts.net/client.json"},
        {"client_id": "https://10.0.0.1/client.json"},
        {"client_id": "https://0x7f000001/client.json"},
        {"client_id": "https://[::ffff:169.254.169.254]/client.json"},
        {"client_id": "unknown"},
        {"client_id": None},
        {"redirect_uri": "https://evil.cimd-hosts.net/callback"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": "not a uri"},
    ],
)
async def test_errors_without_redirect(bed, changes):
    _, page = await bed.open(**changes)
    assert page.status == 400
    assert page.header("location") is None
    assert 'id="error"' in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": "https://unknown.example/mcp"}, "invalid_target"),
        ({"scope": "nonsense"}, "invalid_scope"),
    ],
)
async def test_errors_for_the_client(bed, changes, error):
    _, page = await bed.open(**changes)
    answer = response_parameters(page)
    assert answer["error"] == error
    assert (answer["iss"], answer["state"]) == (ISSUER, "a b&c")


async def test_no_common_method(bed):
    bed.publish(document(token_endpoint_auth_method="tls_client_auth"))
    _, page = await bed.open()
    assert response_parameters(page)["error"] == "unauthorized_client"


async def test_repeated_parameters(bed):
    browser, _ = await bed.open()
    for name in ("state", "client_id", "redirect_uri"):
        repeated = [*bed.parameters(), (name, "x")]
        page = await browser.request("POST", f"{ISSUER}/authorize", repeated)
        assert (page.status, page.header("location")) == (400, None)


@pytest.mark.parametrize(
    "answer",
    [
        Response(404, (("Content-Type", "application/json"),), b"{}"),
        Response(302, (("Location", EVIL),)),
        json_response(document(), 203),
        json_response(document(client_id=CLIENT_ID + "/")),
        json_response(document(client_secret="s")),
        json_response(document(padding="x" * 6000)),
        json_response(document(redirect_uris=[CALLBACK, "javascript:alert(1)"])),
        Response(
            200, (("Content-Type", "text/html"),), json.dumps(document()).encode()
        ),
        Response(200, (("Content-Type", "application/json"),), b"<html>secret</html>"),
    ],
    ids=range(9),
)
async def test_unusable_documents(bed, answer):
    bed.publish(document(), EVIL)
    bed.hosted[CLIENT_ID] = answer
    _, page = await bed.open()
    assert (page.status, page.header("location")) == (400, None)
    assert "secret" not in page.text
    assert set(bed.asked) == {CLIENT_ID}
    bed.publish(document())
    assert "code" in await bed.authorize()


async def test_mixed_addresses(bed):
    public, private = map(ipaddress.ip_address, ("93.184.216.10", "10.0.0.1"))
    bed.network.zone.point("client.cimd-hosts.net", public, private)
    _, page = await bed.open()
    assert page.status == 400
    assert bed.asked == []


async def test_one_resolution_per_fetch(bed):
    await bed.open()
    asked = [
        contact
        for contact in bed.network.contacts.contacts
        if contact.name == "client.cimd-hosts.net" and contact.address is None
    ]
    assert len(asked) == 2  # A and AAAA


async def test_cache(bed):
    bed.publish(document(), Cache_Control="max-age=100")
    await bed.tokens()
    await bed.tokens()
    assert len(bed.asked) == 1
    bed.clock.advance(101)
    await bed.open()
    assert len(bed.asked) == 2


# -- the token endpoint ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code": "x"}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}/"}, 400, "invalid_grant"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"client_id": "https://10.0.0.1/c"}, 401, "invalid_client"),
        ({"resource": OTHER_RESOURCE}, 400, "invalid_target"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"client_secret": "s"}, 401, "invalid_client"),
        ({"code": ["x", "y"]}, 400, "invalid_request"),
    ],
)
async def test_token_errors(bed, changes, status, error):
    answer = await bed.authorize()
    got, body = await bed.redeem(answer["code"], **changes)
    assert (got, body["error"]) == (status, error)
    assert (await bed.redeem(answer["code"]))[0] == 200


async def test_code_of_another_client(bed):
    bed.publish(document(client_id=EVIL), EVIL)
    answer = await bed.authorize()
    _, body = await bed.redeem(answer["code"], client_id=EVIL)
    assert body["error"] == "invalid_grant"


async def test_code_expires(bed):
    answer = await bed.authorize()
    bed.clock.advance(61)
    assert (await bed.redeem(answer["code"]))[1]["error"] == "invalid_grant"


async def test_code_replay_revokes(bed):
    answer = await bed.authorize()
    _, tokens = await bed.redeem(answer["code"])
    _, body = await bed.redeem(answer["code"], code_verifier="w" * 64)
    assert (await introspect(bed, tokens["access_token"]))["active"] is True
    _, body = await bed.redeem(answer["code"])
    assert body["error"] == "invalid_grant"
    assert await introspect(bed, tokens["access_token"]) == {"active": False}
    assert (await refresh(bed, tokens))[0] == 400


async def test_resources_default_and_narrow():
    both = (Resource(RESOURCE, ("a",)), Resource(OTHER_RESOURCE, ("b",)))
    async with open_bed(resources=both) as bed:
        bed.publish(document())
        _, page = await bed.open(resource=None, scope="a")
        assert response_parameters(page)["error"] == "invalid_target"
        answer = await bed.authorize(resource=OTHER_RESOURCE, scope=None)
        _, body = await bed.redeem(answer["code"], resource=None)
        assert claims_of(body["access_token"])["aud"] == OTHER_RESOURCE
        assert body["scope"] == "b"


async def test_method_not_allowed(bed):
    for path in ("token", "revoke", "introspect", "consent"):
        response = await bed.client.request("GET", f"{ISSUER}/{path}")
        assert (response.status, response.header("allow")) == (405, "POST")
    assert (await bed.client.request("GET", f"{ISSUER}/x")).status == 404
    assert (await bed.client.request("POST", f"{ISSUER}/x")).status == 404
    assert (await bed.client.request("PUT", f"{ISSUER}/token")).status == 405


# -- private_key_jwt ---------------------------------------------------------------


@pytest.mark.parametrize("source", ["jwks", "jwks_uri"])
@pytest.mark.parametrize(
    ("key", "alg"),
    [(EC, "ES256"), (RSA, "RS256"), (RSA, "PS256"), (ED, "EdDSA"), (ED, "Ed25519")],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_private_key_jwt(bed, source, key, alg):
    keys, uri = public_jwks(EC, RSA, ED), "https://client.cimd-hosts.net/jwks"
    bed.publish(keys, uri)
    bed.publish(confidential(**{source: keys if source == "jwks" else uri}))
    answer = await bed.authorize()
    refused, body = await bed.redeem(answer["code"])
    assert (refused, body["error"]) == (401, "invalid_client")
    status, body = await bed.redeem(answer["code"], **authenticated(bed, key, alg))
    assert status == 200, body
    status, _ = await refresh(bed, body, **authenticated(bed, key, alg))
    assert status == 200


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "at+jwt"}, {}),
        ({"crit": ["x"], "x": 1}, {}),
        ({"kid": "unknown"}, {}),
        ({}, {"iss": EVIL}),
        ({}, {"sub": EVIL}),
        ({}, {"aud": f"{ISSUER}/token"}),
        ({}, {"aud": [ISSUER, "https://other.example"]}),
        ({}, {"aud": None}),
        ({}, {"exp": 1}),
        ({}, {"exp": None}),
        ({}, {"nbf": 4e9}),
        ({}, {"iat": "x"}),
    ],
    ids=str,
)
async def test_bad_assertions(bed, header, claims):
    bed.publish(confidential(jwks=public_jwks(EC)))
    answer = await bed.authorize()
    bad = authenticated(bed, EC, "ES256", header, **claims)
    status, body = await bed.redeem(answer["code"], **bad)
    assert (status, body["error"]) == (401, "invalid_client")
    good = authenticated(bed, aud=[ISSUER])
    assert (await bed.redeem(answer["code"], **good))[0] == 200


async def test_forged_assertions(bed):
    bed.publish(confidential(jwks=public_jwks(EC)))
    answer = await bed.authorize()
    other = ECKey.generate_key("P-256", {"kid": "ec"})
    own = {"jwk": other.as_dict(private=False)}
    secret = OctKey.import_key(EC.as_pem(private=False).hex())
    good = authenticated(bed)["client_assertion"]
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for text in (
        assertion(other),
        assertion(other, header=own),
        assertion(secret, "HS256", {"kid": "ec"}),
        f"{head}.{good.split('.')[1]}.",
        good[:-6] + "AAAAAA",
        "x.y.z",
    ):
        form = {"client_assertion": text, "client_assertion_type": JWT_BEARER}
        status, body = await bed.redeem(answer["code"], **form)
        assert (status, body["error"]) == (401, "invalid_client"), text


async def test_assertion_replay_and_parameters(bed):
    bed.publish(confidential(jwks=public_jwks(EC)))
    answer = await bed.authorize()
    form = authenticated(bed)
    status, body = await bed.redeem(
        answer["code"], **{**form, "client_assertion_type": "x"}
    )
    assert (status, body["error"]) == (401, "invalid_client")
    assert (await bed.redeem(answer["code"], client_id=None, **form))[0] == 200
    status, body = await bed.redeem(answer["code"], **form)
    assert (status, body["error"]) == (401, "invalid_client")
    status, body = await bed.redeem(answer["code"], client_secret="s", **form)
    assert (status, body["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("source", ["jwks", "jwks_uri"])
async def test_key_rotation(bed, source):
    uri = "https://client.cimd-hosts.net/jwks"
    fresh = ECKey.generate_key("P-256", {"kid": "fresh"})

    def publish(*keys):
        bed.publish(public_jwks(*keys), uri, Cache_Control="max-age=3600")
        value = public_jwks(*keys) if source == "jwks" else uri
        bed.publish(confidential(**{source: value}), Cache_Control="max-age=3600")

    publish(EC)
    await bed.tokens(**authenticated(bed))
    publish(fresh)
    answer = await bed.authorize()
    fetches = len(bed.asked)
    form = authenticated(bed, fresh)
    assert (await bed.redeem(answer["code"], **form))[0] == 401
    assert len(bed.asked) == fetches, "the brake holds"
    bed.clock.advance(11)
    form = authenticated(bed, fresh)
    assert (await bed.redeem(answer["code"], **form))[0] == 200
    answer = await bed.authorize()
    old = await bed.redeem(answer["code"], **authenticated(bed))
    assert old[0] == 401


@pytest.mark.parametrize(
    "uri",
    [
        "https://10.0.0.1/jwks",
        "https://[64:ff9b::a00:1]/jwks",
        "https://client.cimd-hosts.net/missing",
        "https://client.cimd-hosts.net/private",
    ],
)
async def test_unusable_jwks_uri(bed, uri):
    private = {"keys": [EC.as_dict(private=True)]}
    bed.publish(private, "https://client.cimd-hosts.net/private")
    bed.publish(confidential(jwks_uri=uri))
    answer = await bed.authorize()
    status, body = await bed.redeem(answer["code"], **authenticated(bed))
    assert (status, body["error"]) == (401, "invalid_client")


async def test_plural_methods(bed):
    bed.publish(
        document(
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_methods_supported=["none", "private_key_jwt", "mtls"],
            jwks=public_jwks(EC),
        )
    )
    public = await bed.tokens()
    assert (await refresh(bed, public))[0] == 200
    keyed = await bed.tokens(**authenticated(bed))
    assert (await refresh(bed, keyed))[0] == 400
    assert (await refresh(bed, keyed, **authenticated(bed)))[0] == 200


# -- refresh, revocation, introspection --------------------------------------------


async def refresh(bed, tokens, **changes):
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": CLIENT_ID,
        **changes,
    }
    return await bed.post("token", **form)


async def introspect(bed, token, headers=(BASIC,)):
    return (await bed.post("introspect", headers, token=token))[1]


async def test_refresh_rotates_and_reuse_ends_the_family(bed):
    first = await bed.tokens()
    status, second = await refresh(bed, first)
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert (await refresh(bed, first))[1]["error"] == "invalid_grant"
    assert (await refresh(bed, second))[1]["error"] == "invalid_grant"
    assert await introspect(bed, second["access_token"]) == {"active": False}


async def test_refresh_is_bound(bed):
    bed.publish(document(client_id=EVIL), EVIL)
    tokens = await bed.tokens()
    for changes, error in [
        ({"client_id": EVIL}, "invalid_grant"),
        ({"scope": "mcp:read mcp:write"}, "invalid_scope"),
        ({"resource": OTHER_RESOURCE}, "invalid_target"),
        ({"refresh_token": "x"}, "invalid_grant"),
    ]:
        status, body = await refresh(bed, tokens, **changes)
        assert (status, body["error"]) == (400, error)
    assert (await refresh(bed, tokens))[0] == 200


async def test_refresh_only_for_those_who_registered(bed):
    bed.publish(document(grant_types=["authorization_code"]))
    assert "refresh_token" not in await bed.tokens()


async def test_refresh_expires(bed):
    tokens = await bed.tokens()
    bed.clock.advance(15 * 86400)
    assert (await refresh(bed, tokens))[1]["error"] == "invalid_grant"


async def test_revocation(bed):
    bed.publish(document(client_id=EVIL), EVIL)
    tokens = await bed.tokens()
    foreign = await bed.post("revoke", token=tokens["refresh_token"], client_id=EVIL)
    assert foreign[0] == 400
    assert (await bed.post("revoke", token="x", client_id=CLIENT_ID))[0] == 200
    assert (await introspect(bed, tokens["access_token"]))["active"] is True
    status, _ = await bed.post(
        "revoke",
        token=tokens["refresh_token"],
        token_type_hint="access_token",
        client_id=CLIENT_ID,
    )
    assert status == 200
    assert await introspect(bed, tokens["access_token"]) == {"active": False}
    assert (await refresh(bed, tokens))[0] == 400


async def test_revocation_of_an_access_token(bed):
    tokens = await bed.tokens()
    access = tokens["access_token"]
    assert (await bed.post("revoke", token=access, client_id=CLIENT_ID))[0] == 200
    assert await introspect(bed, access) == {"active": False}
    assert (await refresh(bed, tokens))[0] == 200
    assert (await bed.post("revoke", client_id=CLIENT_ID))[0] == 400


async def test_introspection(bed):
    token = (await bed.tokens())["access_token"]
    answer = await introspect(bed, token)
    assert answer["active"] is True
    assert (answer["client_id"], answer["aud"]) == (CLIENT_ID, RESOURCE)
    bad = ("Authorization", "Basic eDp5")
    for headers in ((), (bad,), (("Authorization", "Bearer x"),)):
        status, body = await bed.post("introspect", headers, token=token)
        assert (status, body["error"]) == (401, "invalid_client")
    bed.clock.advance(601)
    assert await introspect(bed, token) == {"active": False}


# -- registered clients ------------------------------------------------------------


async def test_registered_client():
    metadata = JsonObject({"redirect_uris": [CALLBACK], "client_name": "Registered"})
    async with open_bed(clients=(RegisteredClient("app", metadata),)) as bed:
        answer = await bed.authorize(client_id="app")
        status, _ = await bed.redeem(answer["code"], client_id="app")
        assert status == 200
        assert bed.asked == []


# -- checks and flaws --------------------------------------------------------------


async def test_recorded_checks_answer_the_same_again():
    calls = []
    checks = recording(Checks(), lambda *call: calls.append(call))
    async with open_bed(checks) as bed:
        bed.publish(confidential(jwks=public_jwks(EC)))
        tokens = await bed.tokens(**authenticated(bed))
        await refresh(bed, tokens, **authenticated(bed))
    assert len({name for name, _, _ in calls}) > 60
    for name, args, result in calls:
        assert getattr(Checks(), name)(*args) == result, name
        hash(args)


@pytest.mark.parametrize(
    ("flaw", "changes"),
    [
        ("redirect-uri-prefix", {"redirect_uri": f"{CALLBACK}/more"}),
        ("pkce-optional", {"code_challenge": None, "code_challenge_method": None}),
        ("pkce-plain-accepted", {"code_challenge_method": "plain"}),
        ("resource-ignored", {"resource": "https://unknown.example/"}),
        ("document-optional", {"client_id": "https://nowhere.cimd-hosts.net/c"}),
        ("no-address-guard", {"client_id": "https://10.0.0.1/client.json"}),
        ("http-client-id-accepted", {"client_id": "http://client.cimd-hosts.net/c"}),
    ],
)
async def test_flaws_let_attacks_through(flaw, changes):
    async with open_bed(flawed(Checks(), FLAWS[flaw])) as bed:
        bed.publish(document())
        asked = changes.get("client_id", "")
        bed.publish(document(client_id=asked), asked.replace("http://", "https://"))
        answer = await bed.authorize(**changes)
        assert "code" in answer, answer


@pytest.mark.parametrize("form", ["none", "hmac", "unknown"])
async def test_flaws_let_forgeries_through(form):
    flaw = {
        "none": "alg-none-accepted",
        "hmac": "hmac-with-public-key",
        "unknown": "any-key-of-the-client",
    }[form]
    async with open_bed(flawed(Checks(), FLAWS[flaw])) as bed:
        key = {**EC.as_dict(private=False), "alg": "ES256", "use": "sig"}
        bed.publish(confidential(jwks={"keys": [key]}))
        good = authenticated(bed)["client_assertion"]
        head = encode(b'{"alg":"HS256","kid":"ec","typ":"JWT"}')
        signed = f"{head}.{good.split('.')[1]}"
        mac = hmac.new(EC.as_pem(private=False), signed.encode(), hashlib.sha256)
        forged = {
            "none": f"{encode(json.dumps({'alg': 'none', 'kid': 'ec'}).encode())}."
            f"{good.split('.')[1]}.",
            "hmac": f"{signed}.{encode(mac.digest())}",
            "unknown": assertion(ECKey.generate_key("P-256", {"kid": "other"})),
        }[form]
        answer = await bed.authorize()
        sent = {"client_assertion": forged, "client_assertion_type": JWT_BEARER}
        status, body = await bed.redeem(answer["code"], **sent)
        assert status == 200, body


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
