"""What is tried when a legitimate flow fails, and in which order."""

from __future__ import annotations

from typing import Any

import msgspec

from cimd_conformance.init import _candidates, _candidates_tool
from cimd_conformance.init._agent import candidates as agent_candidates
from cimd_conformance.init._agent import first_agent
from cimd_conformance.init._draft import Candidate, Draft, Facts, Shape, Trial
from cimd_conformance.model import InitRequest, Role
from cimd_conformance.target import Resource, TargetFile, load_target

PUBLIC = Shape("authorization-code", (("auth", "none"),))
KEYS = Shape("authorization-code", (("auth", "private_key_jwt"),))
FACTS = Facts(
    "https://as.cimd-target.net", {"scopes_supported": ["a", "b"]}, endpoint="/mcp"
)


def a_file(**more: Any) -> TargetFile:
    return TargetFile(1, "Mine", Role.AUTHORIZATION_SERVER, **more)


def trial(step: str, said: str = "", shape: Shape = PUBLIC, **more: Any) -> Trial:
    return Trial(shape, False, 0, step, "refused", said, **more)


def proposed(
    found: Trial, file: TargetFile | None = None, *, lab: bool = True
) -> list[Candidate]:
    return [*_candidates.candidates(file or a_file(), found, FACTS, lab=lab)]


def test_what_the_server_asks_for_comes_first() -> None:
    first, *_ = proposed(trial("authorize", "client metadata: contacts is missing"))
    assert first.asked_for
    assert first.file.client_document == {"contacts": ["security@example.com"]}
    assert [one.field for one in first.remarks] == ["client_document.contacts"]


def test_scopes_are_tried_when_the_server_speaks_of_them() -> None:
    found = proposed(trial("authorize", "invalid_scope"))
    asked = [one.file.resource.scope for one in found if one.asked_for]
    assert asked == ["a b", "a", "b"]


def test_a_scope_can_be_left_out() -> None:
    file = a_file(resource=Resource(scope="a b"))
    found = proposed(trial("authorize", "invalid_scope"), file)
    scopes = [one.file.resource.scope for one in found if "scope" in one.label]
    assert scopes[:3] == ["a", "b", ""]


def test_resources_are_tried_when_the_server_speaks_of_them() -> None:
    found = [
        one for one in proposed(trial("authorize", "invalid_target")) if one.asked_for
    ]
    assert [one.file.resource.uri for one in found[:3]] == [
        "{origin}/mcp",
        "{origin}",
        "{origin}/",
    ]
    (declared,) = found[-1].file.accommodation
    assert declared.what == "no-resource"


def test_documents_are_not_changed_for_a_server_that_is_broken() -> None:
    found = proposed(trial("authorize", "server_error: the database is on fire"))
    assert all(not one.file.client_document for one in found)


def test_a_person_who_does_not_get_through_is_no_reason_to_try_anything() -> None:
    stuck = Trial(PUBLIC, False, 0, "authorize", "login and consent never ended")
    assert proposed(stuck) == []


def test_a_document_that_was_never_fetched_is_not_changed_on_loopback() -> None:
    assert proposed(trial("authorize", "invalid client metadata"), lab=False) == []


def test_assertions_are_changed_one_by_one_then_two_at_a_time() -> None:
    found = proposed(trial("redeem", "invalid_client", KEYS))
    sets = [tuple(one.what for one in each.file.accommodation) for each in found]
    assert sets[0] == ("assertion-audience",)
    assert [len(each) for each in sets] == sorted(len(each) for each in sets)
    assert ("assertion-audience", "assertion-without-type") in sets
    assert ("assertion-without-type", "assertion-type") not in sets
    because = found[0].file.accommodation[0].because
    assert "invalid_client" in because


def test_pages_are_named_in_the_lab_alone() -> None:
    said = "client document lacks tos_uri"
    assert any("tos_uri" in one.label for one in proposed(trial("authorize", said)))
    fetched = ("/i1/client.json",)
    outside = proposed(trial("authorize", said, reached=fetched), lab=False)
    assert outside
    assert not any("tos_uri" in one.label for one in outside)
    assert not any(one.file.server.forwarded for one in outside)


def test_the_audience_of_a_token_is_believed() -> None:
    token = {"aud": ["https://as.cimd-target.net/api"]}
    first, *more = proposed(trial("use", token=token))
    assert first.file.resource.uri == "{origin}/api"
    assert "call" in {one.file.resource.shown_by for one in more}


def test_every_candidate_is_a_file_that_loads(tmp_path: Any) -> None:
    """What is proposed could be written down."""
    from cimd_conformance.init._draft import told
    from cimd_conformance.init._render import render
    from cimd_conformance.model import TargetDescribed

    said = "client document: scope, resource, contacts, @context"
    everything = [
        *proposed(trial("authorize", said)),
        *proposed(trial("redeem", said, KEYS)),
        *proposed(trial("use", said)),
    ]
    assert len(everything) > 30
    file = tmp_path / "target.toml"
    for one in everything:
        server = msgspec.structs.replace(one.file.server, start=["true"])
        value = msgspec.structs.replace(one.file, server=server)
        event = TargetDescribed(0.0, told(value), list(one.remarks), [], {})
        file.write_text(render(event, ["cimd-conformance", "init"]), "utf-8")
        assert load_target(file) == value


# --- the other roles ----------------------------------------------------------------


def test_a_tool_server_that_asks_about_tokens_gets_opaque_ones() -> None:
    file = TargetFile(1, "Mine", Role.TOOL_SERVER)
    asks = trial("start", reached=("/issuer/introspect",))
    first, *_ = _candidates_tool.candidates(file, asks, FACTS)
    assert first.file.tokens.judged_by == "introspection"
    found = list(_candidates_tool.candidates(file, trial("start"), FACTS))
    assert {one.file.tokens.alg for one in found} == {"ES256", "RS256"}
    assert {"{origin}", "{origin}/"} <= {one.file.tokens.audience for one in found}


def test_a_tool_that_asks_for_more_scope_gets_it() -> None:
    file = TargetFile(1, "Mine", Role.TOOL_SERVER, resource=Resource(scope="read"))
    said = 'HTTP 403, Bearer error="insufficient_scope", scope="read write"'
    refused = Trial(PUBLIC, False, -1, "start", said)
    first, *_ = _candidates_tool.candidates(file, refused, FACTS)
    assert first.asked_for
    assert (first.file.resource.scope, first.file.tool.scope) == ("read write", "write")


def test_a_server_that_refuses_its_name_is_told_nothing_else() -> None:
    file = TargetFile(1, "Mine", Role.TOOL_SERVER)
    refused = trial("start", 'Forbidden: invalid Host header "mcp.cimd-target.net"')
    (only,) = _candidates_tool.candidates(file, refused, FACTS)
    assert "MCPGODEBUG" in only.file.server.env


def agent(**env: str) -> Draft:
    request = InitRequest("target.toml", "Mine", ["python", "client.py"], env=env)
    return first_agent(request, ["CLIENT_ID", "HOME"])


def test_a_client_is_told_what_its_source_reads() -> None:
    assert agent(CALLBACK="{redirect_uri}").file.client.env == {
        "CLIENT_ID": "{client_id}",
        "CALLBACK": "{redirect_uri}",
    }


def test_a_client_with_a_document_of_its_own() -> None:
    sent = {
        "client_id": "https://agent.example.com/me.json",
        "redirect_uri": "http://127.0.0.1:7777/back",
    }
    found = list(agent_candidates(agent(), trial("connect", request=sent)))
    assert found[0].file.client.document == "target"
    assert found[1].file.client.redirect_uris == ["http://127.0.0.1:7777/back"]
    assert found[2].file.client.protocols == ["2026-07-28"]
