"""What is tried after a start that did not go well: pure decisions."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cimd_conformance.init._start import (
    Start,
    Started,
    adopted,
    first_start,
    guess,
    last_words,
    next_start,
    settled,
    unknown_option,
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
    assert next_start(without_option(following, asked), asked) is None
    lost = ended("error: LICENSE_KEY is required")
    last = without_option(following, lost)
    assert next_start(last, lost) is None
    assert "--env LICENSE_KEY=" in why_not(last, lost)


def without_option(start: Start, started: Started) -> Start:
    """Return the start after `--port` was tried as the last resort, and refused."""
    following = next_start(start, started)
    assert following is not None
    assert following.draft.file.server.start[-2:] == ["--port", "{port}"]
    assert following.before == started
    return following


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
    assert next_start(without_option(following, answer), answer) is None
    assert "[::1]:20000" in why_not(following, answer)


def test_one_that_listens_nowhere_and_one_that_ends_are_explained() -> None:
    assert next_start(without_option(first(), listens()), listens()) is None
    assert "agent-host" in why_not(first(), listens())
    assert "7; it printed nothing" in why_not(first(), ended(code=7))
    assert unknown_option(["error: unrecognized arguments: --port 1"])
    assert not unknown_option(["KeyError: 'PORT'"])


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


def test_the_error_is_told_also_where_usage_follows_it() -> None:
    usage = [f"  --option-{number}  text" for number in range(30)]
    words = last_words(["starting", "Error: no such cluster", "Usage:", "", *usage])
    assert words[:3] == ["Error: no such cluster", "Usage:", usage[0]]
    assert words[3] == "…"
    assert words[-1] == usage[-1].rstrip()
    assert last_words(["one", "", "ValueError: two"]) == ["one", "ValueError: two"]
    assert len(last_words(usage)) == 8


def test_what_the_source_reads_is_guessed_again_once_the_role_is_known() -> None:
    start = first(["ISSUER", "RESOURCE"], env={"RESOURCE": "{origin}/api"})
    assert start.draft.file.server.env["ISSUER"] == "{origin}"
    told = replace(start, draft=start.draft.role(Role.TOOL_SERVER, "so it says"))
    again = guess(replace(told, tried=told.tried | {"role"}))
    assert again.draft.file.server.env == {
        "ISSUER": "{issuer}",
        "RESOURCE": "{origin}/api",
    }


def test_variables_of_a_server_that_ends_are_also_read_as_those_of_a_tool_server() -> (
    None
):
    start = first(["ISSUER"], env={"PORT": "{port}"})
    lost = ended("failed to discover OIDC config: unexpected status: 502")
    following = next_start(start, lost)
    assert following is not None
    assert following.draft.file.server.env["ISSUER"] == "{issuer}"
    assert without_option(following, lost).draft.file.server.env["PORT"] == "{port}"


def test_a_url_that_a_program_insists_on_is_its_own() -> None:
    said = "Toolbox URL is missing. Provide --toolbox-url or TOOLBOX_URL"
    following = next_start(first(), ended(said))
    assert following is not None
    assert following.draft.file.server.env == {"TOOLBOX_URL": "{origin}"}
    assert next_start(first(), ended("DATABASE_URL is not set")) is not None
    assert "DATABASE_URL" in why_not(first(), ended("DATABASE_URL is not set"))
