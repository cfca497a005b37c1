"""What is tried after a start that did not go well: pure decisions."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest

from cimd_conformance.init._start import (
    Start,
    Started,
    adopted,
    first_start,
    guess,
    next_start,
    settled,
    why_not,
)
from cimd_conformance.model import InitRequest, Role
from cimd_testbed.net import ListeningSocket

TOLD = 20_000


def request(**more: Any) -> InitRequest:
    return InitRequest("target.toml", "Mine", ["python", "server.py"], **more)


def first(names: Sequence[str] = (), **more: Any) -> Start:
    return first_start(request(**more), names)


def listens(*ports: int, host: str = "127.0.0.1", **probed: str) -> Started:
    address = ipaddress.ip_address(host)
    sockets = tuple(ListeningSocket(port, address) for port in ports)
    return Started(TOLD, sockets=sockets, probed=probed)


def ended(*output: str, code: int = 1) -> Started:
    return Started(TOLD, code, output)


def test_what_the_user_says_is_not_guessed_again() -> None:
    start = first(["PORT", "PUBLIC_URL"], env={"PUBLIC_URL": "{origin}/auth"})
    assert start.draft.file.server.env == {
        "PUBLIC_URL": "{origin}/auth",
        "PORT": "{port}",
    }
    assert start.probes == ()


def test_names_that_nothing_tells_are_probed() -> None:
    start = first()
    assert {"PORT", "HTTP_PORT", "PUBLIC_URL", "ISSUER"} <= {*start.probes}
    port_told = first(env={"WEB": "{port}"})
    assert "PORT" not in port_told.probes
    assert "PUBLIC_URL" in port_told.probes


def test_a_probed_port_tells_the_variable() -> None:
    start = first()
    following = next_start(start, listens(31_000, HTTP_PORT="31000", APP_PORT="31001"))
    assert following is not None
    assert following.draft.file.server.env == {"HTTP_PORT": "{port}"}
    assert "APP_PORT" not in following.probes
    assert "PUBLIC_URL" in following.probes


def test_the_variable_port_needs_no_second_start() -> None:
    start = settled(first(), listens(TOLD, PORT=str(TOLD)))
    assert start.draft.file.server.env == {"PORT": "{port}"}


def test_another_port_is_first_asked_for_and_then_accepted() -> None:
    asks = next_start(first(), listens(3000))
    assert asks is not None
    assert asks.draft.file.server.start[-2:] == ["--port", "{port}"]
    takes = settled(asks, listens(TOLD))
    assert takes.draft.file.server.start[-2:] == ["--port", "{port}"]
    for answer in (ended("unrecognized arguments: --port"), listens(3000)):
        fixed = next_start(asks, answer)
        assert fixed is not None
        assert fixed.draft.file.server.port == 3000
        assert fixed.draft.file.server.start == ["python", "server.py"]
    assert fixed is not None
    assert next_start(fixed, listens(4000)) is None


def test_one_that_ignores_what_it_is_told_has_a_fixed_port() -> None:
    start = first(env={"PORT": "{port}", "OTHER": "x"})
    following = next_start(start, listens(8080))
    assert following is not None
    assert following.draft.file.server.port == 8080
    assert following.draft.file.server.env == {"OTHER": "x"}


def test_missing_variables_are_given_until_there_is_nothing_left_to_guess() -> None:
    start = first(env={"PORT": "{port}"})
    asked = ended("KeyError: 'BASE_URL'")
    following = next_start(start, asked)
    assert following is not None
    assert following.draft.file.server.env["BASE_URL"] == "{origin}"
    assert next_start(following, asked) is None
    lost = ended("error: LICENSE_KEY is required")
    assert next_start(following, lost) is None
    assert "--env LICENSE_KEY=" in why_not(following, lost)


def test_missing_options_are_given() -> None:
    said = "error: the following arguments are required: --port, --issuer, --colour"
    following = next_start(first(), ended(said))
    assert following is not None
    added = following.draft.file.server.start[2:]
    assert added == ["--port", "{port}", "--issuer", "{origin}"]


def test_one_on_ipv6_alone_is_told_where_to_listen_and_then_explained() -> None:
    answer = listens(TOLD, host="::1")
    following = next_start(first(), answer)
    assert following is not None
    assert following.draft.file.server.env["HOST"] == "127.0.0.1"
    assert next_start(following, answer) is None
    assert "[::1]:20000" in why_not(following, answer)


def test_one_that_listens_nowhere_and_one_that_ends_are_explained() -> None:
    assert next_start(first(), listens()) is None
    assert "agent-host" in why_not(first(), listens())
    assert "ended with 7" in why_not(first(), ended(code=7))


def test_probed_urls_are_kept_where_they_show() -> None:
    answer = listens(TOLD, PUBLIC_URL="https://a.net", BASE_URL="https://b.net")
    kept = adopted(first(), answer, '{"issuer": "https://b.net/"}')
    assert kept.draft.file.server.env == {"BASE_URL": "{origin}"}
    assert kept.probes == ()


@pytest.mark.parametrize(("role", "issuer"), [("", "{issuer}"), (None, "{origin}")])
def test_an_issuer_is_somebody_else_for_a_tool_server(
    role: str | None, issuer: str
) -> None:
    given = Role.AUTHORIZATION_SERVER.value if role is None else ""
    start = first(["ISSUER", "JWKS_URI"], role=given)
    assert start.draft.file.server.env["ISSUER"] == issuer
    assert guess(start).draft == start.draft
