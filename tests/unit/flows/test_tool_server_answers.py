"""What a tool server answers, read without the help of the reference."""

import json

import pytest

from cimd_conformance.flows.tool_server._probe import minimal
from cimd_conformance.flows.tool_server._read import (
    challenge_of,
    message_of,
    outcome_of,
)
from cimd_testbed.net import Response

RESULT = {"jsonrpc": "2.0", "id": 7, "result": {}}


def stream(*events):
    text = "".join(f"event: message\r\ndata: {event}\r\n\r\n" for event in events)
    return Response(200, (("Content-Type", "text/event-stream"),), text.encode())


def test_json_and_streams():
    plain = Response(200, (("Content-Type", "application/json"),), b'{"id": 7}')
    assert message_of(plain, 7) == {"id": 7}
    notice = json.dumps({"jsonrpc": "2.0", "method": "notifications/message"})
    assert message_of(stream(notice, json.dumps(RESULT)), 7) == RESULT
    assert message_of(stream(notice), 7) == json.loads(notice)
    assert message_of(Response(200, (), b"<html>"), 7) is None
    assert message_of(Response(200, (), b"[" * 100_000), 7) is None


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (200, RESULT, "completed"),
        (202, None, "completed"),
        (200, {"error": {"code": -32000}}, "refused-in-result"),
        (200, {"result": {"isError": True}}, "refused-in-result"),
        (307, None, "refused-otherwise"),
        (400, {"error": {"code": -32020}}, "refused-400"),
        (401, {"error": "invalid_token"}, "refused-401"),
        (403, None, "refused-403"),
        (404, None, "refused-404"),
        (405, None, "refused-otherwise"),
        (429, None, "rate-limited"),
        (503, None, "server-error"),
    ],
)
def test_outcomes(status, message, outcome):
    assert outcome_of(Response(status), message)[0].value == outcome


def test_a_refusal_in_words_is_told():
    refused = Response(403, (), b"Forbidden: invalid\n Host\n")
    assert outcome_of(refused, None)[1] == "HTTP 403, Forbidden: invalid Host"
    content = [{"type": "image"}, {"type": "text", "text": "cannot locate user"}]
    message = {"result": {"isError": True, "content": content}}
    assert outcome_of(Response(200), message)[1].endswith("error: cannot locate user")


def challenged(*values):
    return challenge_of(Response(401, tuple(("WWW-Authenticate", v) for v in values)))


def test_challenges():
    found = challenged("Basic realm=x", 'bearer scope="a b", error=invalid_token')
    assert (found["scheme"], found["syntax"]) == ("Bearer", "sound")
    assert found["scopes"] == ["a", "b"]
    assert found["error"] == "invalid_token"
    assert challenged() == challenged("Basic realm=x") == {}


@pytest.mark.parametrize(
    "text",
    [
        'Basic realm="x, Bearer y", Bearer error="e", scope="a b"',
        'DPoP algs="ES256 PS256",Bearer error="e",  scope="a b"',
        'Negotiate, bearer scope="a b", error="e"',
        'Bearer scope="a b", error="e", Basic realm="x", charset="UTF-8"',
    ],
)
def test_several_challenges_in_one_field(text):
    """Proxies fold fields of one name into one (RFC 9110 section 5.3)."""
    found = challenged(text)
    assert (found["syntax"], found["error"]) == ("sound", "e")
    assert found["scopes"] == ["a", "b"]
    assert "realm" not in found


@pytest.mark.parametrize(
    "text",
    [
        "Bearer",
        'Bearer error="a", error="b"',
        'Bearer error="a" scope="b"',
        'Bearer error="a',
        "Bearer token68==",
        "Bearer ,",
    ],
)
def test_unsound_challenges(text):
    assert challenged(text)["syntax"] == "unsound"


def test_the_least_arguments_of_a_tool():
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "kind": {"enum": ["a", "b"]},
            "fixed": {"const": 3},
            "maybe": {"type": ["boolean", "null"]},
            "inner": {"type": "object", "required": ["x"]},
            "optional": {"type": "string"},
        },
        "required": ["text", "count", "kind", "fixed", "maybe", "inner", "unknown"],
    }
    assert minimal(schema) == {
        "text": "{marker}",
        "count": 1,
        "kind": "a",
        "fixed": 3,
        "maybe": True,
        "inner": {"x": "{marker}"},
        "unknown": "{marker}",
    }
    assert minimal(None) == minimal({}) == {}
