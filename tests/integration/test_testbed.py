"""The testbed as a library: ready objects, clean ends, with and without a loop."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import cimd_testbed
from cimd_testbed import Ports, Testbed, ThreadedTestbed
from cimd_testbed.net import Request, Response


async def test_the_agent_calls_a_tool() -> None:
    async with Testbed() as bed:
        called = await bed.agent_host.call_tool(bed.resource, "whoami")
        assert called["structuredContent"] == {
            "sub": "alice",
            "client_id": bed.agent_client_id,
            "scope": "mcp:read",
        }


async def test_everybody_describes_themselves() -> None:
    async with Testbed() as bed:
        http = bed.http()
        answer = await http.request("GET", bed.metadata_url)
        metadata = json.loads(answer.body)
        assert metadata["issuer"] == bed.issuer
        assert metadata["jwks_uri"] == bed.jwks_uri
        answer = await http.request("GET", bed.resource_metadata_url)
        assert json.loads(answer.body)["resource"] == bed.resource
        answer = await http.request("GET", bed.agent_client_id)
        assert json.loads(answer.body)["client_id"] == bed.agent_client_id
        await http.close()


async def test_the_document_host_publishes_and_withdraws() -> None:
    async with Testbed() as bed:
        http = bed.http()
        url = bed.document_host.publish({"redirect_uris": []}, "mine")
        answer = await http.request("GET", url)
        assert json.loads(answer.body) == {"client_id": url, "redirect_uris": []}
        assert (await http.request("POST", url)).status == 405
        bed.document_host.withdraw("mine")
        assert (await http.request("GET", url)).status == 404
        await http.close()


async def test_the_document_host_publishes_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text('{"one": 1}')
    (tmp_path / "in" / "secret.jwk").write_text("{}")
    (tmp_path / "in" / ".hidden.json").write_text("{}")
    (tmp_path / "out.json").write_text("{}")
    async with Testbed() as bed:
        http, origin = bed.http(), bed.document_host.origin
        bed.document_host.folder = tmp_path / "in"
        answer = await http.request("GET", f"{origin}/a.json")
        assert answer.body == b'{"one": 1}'
        assert answer.header("content-type") == "application/json"
        (tmp_path / "in" / "a.json").write_text('{"one": 2}')
        assert (await http.request("GET", f"{origin}/a.json")).body == b'{"one": 2}'
        for path in (
            *("/secret.jwk", "/.hidden.json", "/../out.json", "/%2e%2e/out.json"),
            *("/..%2fout.json", "//out.json", "/in/../../out.json", "/b.json", "/"),
        ):
            assert (await http.request("GET", origin + path)).status == 404, path
        await http.close()


async def test_tokens_for_a_tool_server_of_ones_own() -> None:
    own = "https://localhost:9/mcp"
    async with Testbed(resources=[own]) as bed:
        http = bed.http()
        answer = await http.request("GET", bed.metadata_url)
        known = json.loads(answer.body)["protected_resources"]
        await http.close()
    assert known == [bed.resource, own]


async def test_whoever_listens_hears_of_every_answer() -> None:
    heard: list[tuple[str, str, int]] = []

    def listen(server: str, request: Request, response: Response) -> None:
        heard.append((server, request.path, response.status))

    async with Testbed(on_response=listen) as bed:
        await bed.agent_host.call_tool(bed.resource, "whoami")
        await bed.agent_host.call_tool(bed.resource, "whoami")
    assert heard[0] == ("tool server", "/mcp", 401)
    assert ("agent host", "/client.json", 200) in heard
    assert ("authorization server", "/token", 200) in heard
    assert heard[-1] == ("tool server", "/mcp", 200)


async def test_a_port_in_use_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bed = Testbed(ports=Ports(tool_server=taken.getsockname()[1]))
        with pytest.raises(OSError, match="in use"):
            await bed.__aenter__()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "listener"] == []


def test_a_thread_serves_code_without_a_loop() -> None:
    with ThreadedTestbed() as bed:
        called = bed.run(bed.agent_host.call_tool(bed.resource, "whoami"))
        assert called["structuredContent"]["sub"] == "alice"
    assert "cimd-testbed" not in [thread.name for thread in threading.enumerate()]


async def test_a_thread_serves_code_with_a_loop_of_its_own() -> None:
    with ThreadedTestbed() as bed:
        http = bed.http()
        assert (await http.request("GET", bed.metadata_url)).status == 200
        await http.close()
        work = bed.agent_host.call_tool(bed.resource, "whoami")
        called = await asyncio.to_thread(bed.run, work)
        assert called["structuredContent"]["sub"] == "alice"


def test_a_thread_says_why_it_did_not_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bed = ThreadedTestbed(ports=Ports(documents=taken.getsockname()[1]))
        with pytest.raises(OSError, match="in use"):
            bed.__enter__()
    assert "cimd-testbed" not in [thread.name for thread in threading.enumerate()]


def test_a_thread_that_ended_runs_nothing() -> None:
    with ThreadedTestbed() as bed:
        pass
    with pytest.raises(RuntimeError, match="does not run"):
        bed.run(bed.agent_host.call_tool(bed.resource, "whoami"))


def test_importing_the_package_is_cheap() -> None:
    code = "import cimd_testbed.pytest_plugin, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not {"cimd_testbed.net", "cimd_certs", "cryptography", "jinja2"} & loaded


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = cimd_testbed.Nothing  # type: ignore[attr-defined]
