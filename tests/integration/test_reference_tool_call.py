"""A tool call with a token of the reference authorization server, end to end."""

from __future__ import annotations

import json

import pytest
from reference_bed import CLIENT_ID, ISSUER, RESOURCE, document, open_bed

from cimd_testbed.reference.tool_server import ToolServer, ToolServerSettings


@pytest.fixture
async def bed():
    async with open_bed() as bed:
        bed.publish(document())
        yield bed


def tool_server(bed, **settings):
    values = {"resource": RESOURCE, "issuer": ISSUER, **settings}
    return ToolServer(
        ToolServerSettings(**values),
        dialer=bed.network.dialer(None),
        resolver=bed.network.resolver(None),
        trust=bed.authority.trust(),
        clock=bed.clock,
    )


async def call(bed, server, method, token=None, **params):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = (("Content-Type", "application/json"),)
    if token is not None:
        headers = (*headers, ("Authorization", f"Bearer {token}"))
    if bed.session is not None:
        headers = (*headers, ("Mcp-Session-Id", bed.session))
    bed.tools = server.handle
    response = await bed.client.request(
        "POST", RESOURCE, headers, json.dumps(message).encode()
    )
    bed.session = response.header("mcp-session-id") or bed.session
    return response


@pytest.mark.parametrize("credentials", [None, ("rs", "rs-pw")])
async def test_tool_call(bed, credentials):
    server = tool_server(bed, credentials=credentials)
    token = (await bed.tokens())["access_token"]
    for method in ("initialize", "tools/list", "ping"):
        assert (await call(bed, server, method, token)).status == 200
    answer = await call(bed, server, "tools/call", token, name="whoami", arguments={})
    told = json.loads(answer.body)["result"]["structuredContent"]
    assert told == {"sub": "alice", "client_id": CLIENT_ID, "scope": "mcp:read"}
    refused = await call(bed, server, "initialize")
    assert refused.status == 401
    url = "https://tools.cimd-lab.net/.well-known/oauth-protected-resource/mcp"
    assert url in refused.header("www-authenticate")
    metadata = json.loads((await bed.client.request("GET", url)).body)
    assert metadata["resource"] == RESOURCE
    assert metadata["authorization_servers"] == [ISSUER]
    for bad in ("x", token[:-6] + "AAAAAA", f"{token}x"):
        answer = await call(bed, server, "initialize", bad)
        assert answer.status == 401
        assert 'error="invalid_token"' in answer.header("www-authenticate")
    bed.clock.advance(601)
    assert (await call(bed, server, "initialize", token)).status == 401
    await server.close()


async def test_tool_server_refuses_other_audiences_and_scopes(bed):
    token = (await bed.tokens())["access_token"]
    other = tool_server(bed, required_scope=("mcp:write",))
    answer = await call(bed, other, "initialize", token)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.header("www-authenticate")
    await other.close()
    stranger = tool_server(bed, issuer="https://evil.cimd-hosts.net")
    assert (await call(bed, stranger, "initialize", token)).status == 401
    await stranger.close()
