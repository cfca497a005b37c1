"""The rules of MCP over Streamable HTTP, in both forms."""

import base64

import pytest

from cimd_testbed import core
from cimd_testbed.core import (
    CAPABILITIES_MEMBER,
    LEGACY_VERSION,
    MODERN_VERSION,
    VERSION_MEMBER,
    JsonObject,
)


def message(method="tools/call", **params):
    return JsonObject({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def modern(**meta):
    return message(_meta={VERSION_MEMBER: MODERN_VERSION, **meta})


@pytest.mark.parametrize(
    ("version", "body", "expected"),
    [
        (MODERN_VERSION, message(), True),
        (None, modern(), True),
        (LEGACY_VERSION, modern(), True),
        (LEGACY_VERSION, message(), False),
        (None, message(), False),
        (None, message(_meta={"progressToken": 1}), False),
        (None, message(_meta=[VERSION_MEMBER]), False),
    ],
)
def test_nobody_leaves_a_header_out_to_escape(version, body, expected):
    assert core.is_modern(version, body) is expected


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (message(name="a"), "a"),
        (message("prompts/get", name="a"), "a"),
        (message("resources/read", uri="file:///a"), "file:///a"),
        (message("tools/list", name="a"), None),
        (message(name=1), None),
        (message(), None),
        (JsonObject({"method": "tools/call", "params": ["a"]}), None),
    ],
)
def test_what_a_request_is_about(body, name):
    assert core.called_name(body) == name


@pytest.mark.parametrize("rule", [core.version_header, core.method_header])
def test_headers_agree_with_the_body(rule):
    assert not rule("a", "a").refused
    for header, body in (("A", "a"), (None, "a"), ("a", None), (" a", "a"), ("", "a")):
        assert rule(header, body).refused


def encoded(text):
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize(
    ("header", "body", "refused"),
    [
        ("a", "a", False),
        (None, None, False),
        ("a", None, False),
        (encoded("ä"), "ä", False),
        (encoded("a"), "a", False),
        (encoded("a"), "b", True),
        ("=?base64?!?=", "a", True),
        ("=?base64?/w==?=", "a", True),
        (None, "a", True),
        ("b", "a", True),
    ],
)
def test_names_are_compared_decoded(header, body, refused):
    assert core.name_header(header, body).refused is refused


def test_a_request_says_what_it_speaks_and_can_do():
    good = modern(**{CAPABILITIES_MEMBER: {}})
    assert not core.request_members(good).refused
    assert core.request_members(modern()).refused
    assert core.request_members(modern(**{CAPABILITIES_MEMBER: None})).refused
    assert core.request_members(message(_meta={CAPABILITIES_MEMBER: {}})).refused
    assert core.request_members(message()).refused


def test_versions():
    for known in (None, MODERN_VERSION, *core.LEGACY_VERSIONS):
        assert not core.protocol_version(known).refused
    for unknown in ("", "1999-01-01", "2026-07-29"):
        assert core.protocol_version(unknown).refused


def test_a_session_is_its_owners_whatever_the_token():
    claims = {"iss": "i", "sub": "s", "client_id": "c"}
    first = core.session_owner(JsonObject({**claims, "jti": 1}))
    again = core.session_owner(JsonObject({**claims, "jti": 2}))
    assert not core.session_belongs(first, again).refused
    for name in claims:
        other = core.session_owner(JsonObject({**claims, name: "x"}))
        assert core.session_belongs(first, other).refused
