"""From what a server says about itself to the fields of a target file."""

from __future__ import annotations

from typing import Any

import pytest

from cimd_conformance.init._describe import described, role_of, scopes_of
from cimd_conformance.init._draft import Draft, Facts
from cimd_conformance.init._running import literal
from cimd_conformance.model import Role
from cimd_conformance.target import Server, TargetFile

ORIGIN = "https://as.cimd-target.net"
WELL_KNOWN = f"{ORIGIN}/.well-known"


def metadata(issuer: str = ORIGIN, **more: Any) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{ORIGIN}/authorize",
        "token_endpoint": f"{ORIGIN}/token",
        "client_id_metadata_document_supported": True,
        **more,
    }


def facts(**more: Any) -> Facts:
    usual = {"metadata_url": f"{WELL_KNOWN}/oauth-authorization-server", "port": 3000}
    return Facts(ORIGIN, **{**usual, **more})


def draft(role: Role = Role.AUTHORIZATION_SERVER, **env: str) -> Draft:
    server = Server(start=["python", "server.py"], env=env)
    return Draft(TargetFile(1, "Mine", role, server=server))


RESOURCE = {
    "resource": f"{ORIGIN}/mcp",
    "authorization_servers": [f"{ORIGIN}/"],
    "scopes_supported": ["mcp:read"],
}


@pytest.mark.parametrize(
    ("found", "role"),
    [
        (facts(metadata=metadata()), Role.AUTHORIZATION_SERVER),
        (facts(metadata=metadata(), resource=RESOURCE), Role.AUTHORIZATION_SERVER),
        (facts(resource=RESOURCE), Role.TOOL_SERVER),
        (
            facts(metadata=metadata("https://else.where"), resource=RESOURCE),
            Role.TOOL_SERVER,
        ),
        (facts(endpoint="/mcp"), Role.TOOL_SERVER),
        (facts(), None),
    ],
)
def test_the_role_is_what_the_server_says(found: Facts, role: Role | None) -> None:
    assert role_of(found)[0] is role


def test_a_plain_server_needs_nothing_but_its_defaults() -> None:
    found = described(draft(), facts(metadata=metadata()))
    assert found.file == draft().file
    assert found.todos == []


@pytest.mark.parametrize(
    ("issuer", "written"),
    [(f"{ORIGIN}/", "{origin}/"), (f"{ORIGIN}/realms/x", "{origin}/realms/x")],
)
def test_the_issuer_is_written_as_announced(issuer: str, written: str) -> None:
    path = issuer.removeprefix(ORIGIN).rstrip("/")
    where = f"{WELL_KNOWN}/oauth-authorization-server{path}"
    found = described(draft(), facts(metadata=metadata(issuer), metadata_url=where))
    assert found.file.server.issuer == written
    assert found.file.server.metadata is None
    assert found.todos == []


def test_metadata_at_no_usual_place_are_named() -> None:
    issuer = f"{ORIGIN}/realms/x"
    found = described(draft(), facts(metadata=metadata(issuer)))
    assert (
        found.file.server.metadata == "{origin}/.well-known/oauth-authorization-server"
    )


def test_an_issuer_of_localhost_is_tried_and_told() -> None:
    found = described(
        draft(BASE="{origin}"), facts(metadata=metadata("http://localhost:3000"))
    )
    assert found.file.server.issuer == "http://localhost:{port}"
    (todo,) = found.todos
    assert todo.field == "server.issuer"
    assert "--env NAME='{origin}'" in todo.text
    assert "BASE did not change it" in todo.text


def test_an_issuer_elsewhere_is_told() -> None:
    found = described(draft(), facts(metadata=metadata("https://auth.example.com")))
    assert [one.field for one in found.todos] == ["server.issuer"]


def test_urls_made_of_the_request_need_the_headers_of_a_front() -> None:
    plain = ORIGIN.replace("https", "http")
    found = described(
        draft(), facts(metadata=metadata(authorization_endpoint=f"{plain}/authorize"))
    )
    assert found.file.server.forwarded is True
    assert not described(draft(), facts(metadata=metadata())).file.server.forwarded


def test_no_metadata_and_no_cimd_are_things_to_do() -> None:
    assert [one.field for one in described(draft(), facts()).todos] == [
        "server.metadata"
    ]
    without = metadata(client_id_metadata_document_supported=False)
    (todo,) = described(draft(), facts(metadata=without)).todos
    assert "client_id_metadata_document_supported" in todo.text


def test_a_closed_endpoint_shows_tokens() -> None:
    found = described(
        draft(),
        facts(
            metadata=metadata(),
            resource=RESOURCE,
            resource_url=f"{WELL_KNOWN}/oauth-protected-resource/mcp",
            endpoint="/mcp",
            closed=True,
            challenge={"scope": "tools"},
        ),
    )
    resource = found.file.resource
    assert (resource.uri, resource.scope) == ("{origin}/mcp", "tools")
    assert resource.shown_by == "call"


def test_scopes_about_people_are_asked_for_last() -> None:
    found = facts(metadata=metadata(scopes_supported=["openid", "a", "b"]))
    assert scopes_of(found) == ["a b", "a", "b", "openid a b"]


def test_a_tool_server_needs_to_be_told_whom_to_trust() -> None:
    where = f"{WELL_KNOWN}/oauth-protected-resource"
    says = facts(resource=RESOURCE, resource_url=where, endpoint="/mcp")
    alone = described(draft(Role.TOOL_SERVER), says)
    assert [one.field for one in alone.todos] == ["server.env"]
    told = described(draft(Role.TOOL_SERVER, KEYS="{jwks_uri}"), says)
    assert told.todos == []
    assert told.file.server.ready == "/.well-known/oauth-protected-resource"
    assert told.file.tokens.judged_by == "jwks"
    asks = draft(Role.TOOL_SERVER, ASK="{introspection_endpoint}")
    assert described(asks, says).file.tokens.judged_by == "introspection"


def test_a_server_that_runs_already_has_literal_urls() -> None:
    found = described(draft(), facts(metadata=metadata(f"{ORIGIN}/")))
    running = literal(found, "http://127.0.0.1:8000")
    assert running.file.server.issuer == "http://127.0.0.1:8000/"
    assert running.file.resource.uri == "http://127.0.0.1:8000/mcp"
