"""The reference agent host meets played servers on the embedded network."""

from __future__ import annotations

import asyncio
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
from cimd_testbed.parties import (
    STATEFUL,
    STATELESS,
    IssuedTokens,
    McpServer,
    PlayedAuthorizationServer,
    read_jwt,
)
from cimd_testbed.reference.agent_host import (
    AgentHost,
    AgentHostChecks,
    AgentHostSettings,
    Stopped,
)

AGENT, SERVER, ISSUER = (
    f"https://{name}.cimd-lab.net" for name in ("agent", "mcp", "issuer")
)


@dataclass
class Scene:
    host: AgentHost
    server: McpServer
    issuer: PlayedAuthorizationServer
    tokens: IssuedTokens
    http: HttpClient
    opened: list[str] = field(default_factory=list)
    asked: list[tuple[str, Request]] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def requests(self, message: str) -> list[Request]:
        return [request for name, request in self.asked if name == message]

    async def call(self) -> dict[str, Any]:
        return await self.host.call_tool(f"{SERVER}/mcp", "whoami")

    async def fetch(self, url: str) -> Response:
        return await self.http.request("GET", url)


@asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    network, authority, tokens = EmbeddedNetwork(), Authority(), IssuedTokens()
    await network.start()
    http = HttpClient(network.dialer("t"), network.resolver("t"), authority.trust())
    visits: set[asyncio.Task[None]] = set()

    async def visit(url: str) -> None:
        page = await http.request("GET", url)
        location = page.header("location")
        assert location
        await http.request("GET", location)

    async def open_browser(command: tuple[str, ...]) -> None:
        url = command[-1]
        stage.opened.append(url)
        task = asyncio.create_task(visit(url))
        visits.add(task)
        task.add_done_callback(visits.discard)

    def edit(message: str, request: Request, tree: dict[str, Any]) -> dict[str, Any]:
        stage.asked.append((message, request))
        for part, members in stage.changes.get(message, {}).items():
            tree[part] = {**tree.get(part, {}), **members}
        return tree

    host = AgentHost(
        AgentHostSettings(AGENT, **settings),
        AgentHostChecks(),
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=authority.trust(),
        clock=ShiftedClock(),
        open_browser=open_browser,
    )
    server = McpServer(f"{SERVER}/mcp", ISSUER, tokens.scope_of, edit)
    issuer = PlayedAuthorizationServer(ISSUER, tokens, "as", edit)
    issuer.seen = lambda message, request: stage.asked.append((message, request))
    stage = Scene(host, server, issuer, tokens, http)
    handlers = (host.handle, server.handle, issuer.handle)
    for number, (origin, handler) in enumerate(
        zip((AGENT, SERVER, ISSUER), handlers, strict=True)
    ):
        address = ipaddress.IPv4Address(f"93.184.215.{100 + number}")
        network.zone.point(origin.removeprefix("https://"), address)
        service = Service(handler, authority.context_for, network.contacts)
        await network.listen(address, 443, service)
    try:
        yield stage
    finally:
        await asyncio.gather(*visits, return_exceptions=True)
        await http.close()
        await network.close()


@pytest.mark.parametrize("protocol", [STATEFUL, STATELESS])
async def test_it_calls_a_tool_in_both_forms(protocol):
    async with scene() as stage:
        stage.server.protocols = (protocol,)
        result = await stage.call()
        assert result["content"][0]["text"] == "alice"
        [request] = stage.requests("token_request")
        form = dict(request.form)
        assert form["resource"] == f"{SERVER}/mcp"
        assert form["client_id"] == f"{AGENT}/client.json"
        await stage.call()
        assert len(stage.opened) == 1, "the token is kept"


async def test_it_publishes_what_it_is():
    async with scene(auth_method="private_key_jwt") as stage:
        assert (await stage.fetch(f"{AGENT}/client.json")).status == 404
        await stage.call()
        document = json.loads((await stage.fetch(f"{AGENT}/client.json")).body)
        assert document["client_id"] == f"{AGENT}/client.json"
        keys = json.loads((await stage.fetch(document["jwks_uri"])).body)["keys"]
        assert [sorted(key) for key in keys] == [
            ["alg", "crv", "kid", "kty", "use", "x", "y"]
        ]
        [request] = stage.requests("token_request")
        header, claims = read_jwt(dict(request.form)["client_assertion"])
        assert header["kid"] == keys[0]["kid"]
        assert claims["aud"] == ISSUER


async def test_keys_overlap_until_they_are_withdrawn():
    async with scene(auth_method="private_key_jwt") as stage:
        await stage.call()

        async def kids() -> list[str]:
            body = (await stage.fetch(f"{AGENT}/jwks.json")).body
            return [key["kid"] for key in json.loads(body)["keys"]]

        [old] = await kids()
        stage.host.rotate_key()
        new, kept = await kids()
        assert kept == old
        stage.host.withdraw_keys()
        assert await kids() == [new]


async def test_one_identity_per_server_and_purpose():
    async with scene(per_server=True) as stage:
        await stage.call()
        stage.tokens.expire_all()
        stage.issuer.refresh = False
        stage.host._grants.clear()
        await stage.host.call_tool(f"{SERVER}/mcp", "whoami", purpose="work")
        ids = {
            dict(request.query)["client_id"]
            for request in stage.requests("authorization_request")
        }
        assert len(ids) == 2
        for client_id in ids:
            document = json.loads((await stage.fetch(client_id)).body)
            assert document["client_id"] == client_id


async def test_it_refreshes_before_it_asks_the_person():
    async with scene() as stage:
        await stage.call()
        for _ in range(2):
            stage.tokens.expire_all()
            await stage.call()
        used = [
            dict(r.form)["refresh_token"] for r in stage.requests("refresh_request")
        ]
        assert len(set(used)) == 2, "the rotated one replaces the old one"
        assert len(stage.opened) == 1


async def test_it_asks_for_more_scope_on_top():
    async with scene() as stage:
        stage.server.tool_scope = ("mcp:write",)
        await stage.call()
        scopes = [
            dict(request.query)["scope"]
            for request in stage.requests("authorization_request")
        ]
        assert scopes == ["mcp:read", "mcp:read mcp:write"]


@pytest.mark.parametrize(
    ("message", "part", "members", "clause"),
    [
        ("prm", "json", {"resource": ISSUER}, "client-prm-resource-check"),
        ("prm", "json", {"authorization_servers": []}, "client-prm-used"),
        ("as_metadata", "json", {"issuer": SERVER}, "client-as-metadata-issuer-check"),
        (
            "as_metadata",
            "json",
            {"code_challenge_methods_supported": []},
            "client-pkce-verify-support",
        ),
        (
            "as_metadata",
            "json",
            {"authorization_endpoint": "file:///x"},
            "client-authorization-url-scheme",
        ),
        (
            "as_metadata",
            "json",
            {
                "client_id_metadata_document_supported": False,
                "registration_endpoint": None,
            },
            "cimd-client-checks-flag",
        ),
        ("authorization_response", "params", {"state": "x"}, "client-state"),
        ("authorization_response", "params", {"iss": SERVER}, "iss-client-mismatch"),
        (
            "authorization_response",
            "params",
            {"error": "access_denied"},
            "iss-client-error-response",
        ),
        ("token_response", "json", {"token_type": "mac"}, "client-bearer-header"),
    ],
)
async def test_it_stops(message, part, members, clause):
    async with scene() as stage:
        stage.changes[message] = {part: members}
        with pytest.raises(Stopped) as stopped:
            await stage.call()
        assert stopped.value.decision.clause == clause
        assert not stage.requests("mcp_response")


async def test_an_unsolicited_response_is_refused():
    async with scene() as stage:
        await stage.call()
        page = await stage.fetch(f"{AGENT}/callback?code=x&state=y&iss={ISSUER}")
        assert page.status == 400
        assert len(stage.requests("token_request")) == 1
