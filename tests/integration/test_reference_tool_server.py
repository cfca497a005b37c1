"""The reference tool server over real TLS: tokens, refusals, both protocol forms."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from cimd_certs import Authority
from cimd_testbed.core import ShiftedClock
from cimd_testbed.net import EmbeddedNetwork, HttpClient, Request, Response, Service
from cimd_testbed.parties import TokenIssuer, Web, sign_jwt
from cimd_testbed.reference.tool_server import ToolServer, ToolServerSettings

RESOURCE = "https://mcp.example/mcp"
ISSUER_ORIGIN = "https://auth.example"
LEGACY, MODERN = "2025-11-25", "2026-07-28"
META = "io.modelcontextprotocol"
PLACE = "https://mcp.example/.well-known/oauth-protected-resource"


@dataclass
class Bed:
    issuer: TokenIssuer
    web: Web
    clock: ShiftedClock
    client: HttpClient
    asked: list[str] = field(default_factory=list)

    def token(self, **changes: Any) -> str:
        now, key = int(self.clock.now()), self.issuer.keys[-1]
        claims = {
            "iss": self.issuer.issuer,
            "sub": "alice",
            "client_id": "https://client.example/c.json",
            "aud": RESOURCE,
            "scope": "mcp:read mcp:write",
            "exp": now + 60,
            **changes,
        }
        return sign_jwt({"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}, claims, key)

    async def post(
        self, method: str, token: str | None, modern: bool = True, **more: Any
    ) -> tuple[Response, Any]:
        params = dict(more.pop("params", {}))
        headers = {"Accept": "application/json, text/event-stream"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if modern:
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            if "name" in params:
                headers["Mcp-Name"] = params["name"]
            params["_meta"] = {
                f"{META}/protocolVersion": MODERN,
                f"{META}/clientCapabilities": {},
            }
        headers |= more.get("headers", {})
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        response = await self.client.request(
            "POST", RESOURCE, tuple(headers.items()), json.dumps(body).encode()
        )
        return response, json.loads(response.body) if response.body else None

    async def call(self, name: str, token: str | None, **arguments: Any) -> Any:
        params = {"name": name, "arguments": arguments}
        return await self.post("tools/call", token, params=params)


@asynccontextmanager
async def open_bed(**settings: Any) -> AsyncIterator[Bed]:
    network = EmbeddedNetwork()
    await network.start()
    authority, clock, web = Authority(), ShiftedClock(), Web()
    issuer = TokenIssuer(ISSUER_ORIGIN)
    issuer.publish(web)
    trust = authority.trust()
    server = ToolServer(
        ToolServerSettings(RESOURCE, issuer.issuer, **settings),
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=trust,
        clock=clock,
    )
    client = HttpClient(network.dialer("test"), network.resolver("test"), trust)
    bed = Bed(issuer, web, clock, client)

    async def fetched(request: Request) -> Response:
        bed.asked.append(request.path)
        return await web.handle(request)

    hosts = {"mcp.example": server.handle, "auth.example": fetched}
    for number, (host, handler) in enumerate(hosts.items(), 40):
        address = ipaddress.ip_address(f"93.184.215.{number}")
        network.zone.point(host, address)
        service = Service(handler, authority.context_for, network.contacts)
        await network.listen(address, 443, service)
    try:
        yield bed
    finally:
        await client.close()
        await server.close()
        await network.close()


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    async with open_bed() as opened:
        yield opened


async def test_a_good_token_opens_the_tools(bed):
    token = bed.token()
    response, listed = await bed.post("tools/list", token)
    assert response.status == 200
    names = [tool["name"] for tool in listed["result"]["tools"]]
    assert names == ["whoami", "read_guest_book", "sign_guest_book"]
    assert listed["result"]["resultType"] == "complete"
    _, me = await bed.call("whoami", token)
    assert me["result"]["structuredContent"]["sub"] == "alice"


async def test_the_effect_of_a_tool_is_visible(bed):
    token = bed.token()
    await bed.call("sign_guest_book", token, text="hello")
    _, read = await bed.call("read_guest_book", token)
    book = read["result"]["structuredContent"]
    assert book == {"lines": ["hello"], "written": 1}
    _, wrong = await bed.call("sign_guest_book", token, text=1)
    assert wrong["result"]["isError"] is True


async def test_no_token(bed):
    response, body = await bed.call("whoami", None)
    assert (response.status, body) == (401, None)
    assert response.header("www-authenticate") == (
        f'Bearer resource_metadata="{PLACE}/mcp", scope="mcp:read"'
    )


async def test_a_bad_token(bed):
    response, _ = await bed.call("whoami", bed.token(aud="https://other.example"))
    assert response.status == 401
    assert 'error="invalid_token"' in response.header("www-authenticate")


async def test_missing_scope(bed):
    token = bed.token(scope="mcp:read")
    response, _ = await bed.call("sign_guest_book", token, text="hello")
    assert response.status == 403
    challenge = response.header("www-authenticate")
    assert 'scope="mcp:read mcp:write", error="insufficient_scope"' in challenge
    _, read = await bed.call("read_guest_book", token)
    assert read["result"]["structuredContent"]["written"] == 0


@pytest.mark.parametrize("place", ["", "/mcp"])
async def test_metadata(bed, place):
    response = await bed.client.request("GET", PLACE + place, (("Host", "evil"),))
    assert json.loads(response.body) == {
        "resource": RESOURCE,
        "authorization_servers": [bed.issuer.issuer],
        "scopes_supported": ["mcp:read", "mcp:write"],
        "bearer_methods_supported": ["header"],
    }
    response = await bed.client.request("POST", PLACE + place)
    assert response.status == 405


async def test_keys_are_kept_and_asked_again_on_rotation(bed):
    keys = "/issuer/jwks"
    for _ in range(3):
        assert (await bed.call("whoami", bed.token()))[0].status == 200
    assert bed.asked.count(keys) == 1
    old = bed.token(exp=int(bed.clock.now()) + 99999)
    bed.issuer.rotate(keep=True)
    assert (await bed.call("whoami", bed.token()))[0].status == 401, "the brake"
    bed.clock.advance(11)
    assert (await bed.call("whoami", bed.token()))[0].status == 200
    assert (await bed.call("whoami", old))[0].status == 200
    bed.issuer.rotate(keep=False)
    bed.clock.advance(301)
    assert (await bed.call("whoami", old))[0].status == 401


async def test_an_issuer_that_does_not_answer_closes_the_door(bed):
    bed.web.withdraw("/issuer/jwks")
    assert (await bed.call("whoami", bed.token()))[0].status == 401


async def test_introspection():
    credentials = ("tools", "secret")
    async with open_bed(credentials=credentials) as bed:
        said: dict[str, Any] = {"active": True, "scope": "mcp:read", "aud": RESOURCE}
        said |= {"iss": bed.issuer.issuer, "exp": bed.clock.now() + 60}
        seen = []

        async def answer(request: Request) -> Response:
            seen.append(request.header("authorization"))
            return Response(200, (), json.dumps(said).encode())

        bed.issuer.answers["opaque"] = answer
        assert (await bed.call("whoami", "opaque"))[0].status == 200
        assert (await bed.call("whoami", "unknown"))[0].status == 401
        said["active"] = False
        assert (await bed.call("whoami", "opaque"))[0].status == 401
        assert seen == ["Basic dG9vbHM6c2VjcmV0"] * 2


async def open_session(bed: Bed, token: str) -> dict[str, str]:
    response, body = await bed.post("initialize", token, modern=False)
    assert body["result"]["protocolVersion"] == LEGACY
    return {"Mcp-Session-Id": response.header("mcp-session-id")}


async def test_sessions(bed):
    token, other = bed.token(), bed.token(sub="bob")
    session = await open_session(bed, token)
    again = bed.token(exp=int(bed.clock.now()) + 90)
    for good in (token, again):
        response, _ = await bed.post("ping", good, modern=False, headers=session)
        assert response.status == 200
    response, _ = await bed.post("ping", other, modern=False, headers=session)
    assert response.status == 404
    response, _ = await bed.post("ping", None, modern=False, headers=session)
    assert response.status == 401
    response, _ = await bed.post("ping", token, modern=False)
    assert response.status == 400


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("DELETE", 204)])
async def test_stream_and_end_of_a_session(bed, method, status):
    token = bed.token()
    headers = tuple((await open_session(bed, token)).items())
    authorized = (*headers, ("Authorization", f"Bearer {token}"))
    assert (await bed.client.request(method, RESOURCE, headers)).status == 401
    response = await bed.client.request(method, RESOURCE, authorized)
    assert response.status == status
    again = await bed.client.request(method, RESOURCE, authorized)
    assert again.status == (404 if method == "DELETE" else 200)
    assert (await bed.client.request(method, RESOURCE, authorized[1:])).status == 405


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Mcp-Name": "whoever"}, -32020),
        ({"Mcp-Method": "tools/list"}, -32020),
        ({"MCP-Protocol-Version": LEGACY}, -32020),
        ({"Mcp-Name": "=?base64?d2hvYW1p?="}, None),
    ],
)
async def test_headers_agree_with_the_body(bed, headers, code):
    response, body = await bed.post(
        "tools/call", bed.token(), params={"name": "whoami"}, headers=headers
    )
    assert body.get("error", {}).get("code") == code
    assert response.status == (400 if code else 200)


async def test_other_requests(bed):
    token = bed.token()
    response, body = await bed.post("no/such", token)
    assert (response.status, body["error"]["code"]) == (404, -32601)
    _, body = await bed.call("no-such-tool", token)
    assert body["error"]["code"] == -32602
    _, body = await bed.post("server/discover", token)
    assert body["result"]["supportedVersions"][0] == MODERN
    response, _ = await bed.post("tools/list", token, headers={"Origin": "https://x"})
    assert response.status == 403
    authorized = (("Authorization", f"Bearer {token}"),)
    response = await bed.client.request("POST", RESOURCE, authorized, b"[]")
    assert response.status == 400
    response = await bed.client.request("GET", "https://mcp.example/other")
    assert response.status == 404
