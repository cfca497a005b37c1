"""What the page for a person with a client shows."""

import json

import pytest

from cimd_conformance.engine._agent_page import AttendedPage, Row
from cimd_conformance.model import Check, Control, Level, ScenarioFinished, Status
from cimd_testbed.net import LOOPBACK, Arrival, Request

URL = "https://localhost:1/mcp"


@pytest.fixture
def page():
    return AttendedPage()


async def get(page, path):
    arrival = Arrival(LOOPBACK, 80, LOOPBACK, 1, tls=False)
    return await page.answer(Request("GET", path, (), b"", arrival))


def shown(page):
    [one] = page.state()["errands"]
    return one


async def test_it_needs_nothing_from_elsewhere_and_allows_nothing(page):
    html = await get(page, "/")
    policy = html.header("content-security-policy")
    assert policy == "default-src 'self'; frame-ancestors 'none'"
    assert "http" not in html.text
    for name in ("page.js", "page.css"):
        assert name in html.text
        assert (await get(page, f"/{name}")).status == 200
    assert (await get(page, "/etc/passwd")).status == 404


async def test_an_errand_is_to_do_then_on_its_way_then_ended(page):
    seen = [0]
    row = Row(URL, "whoami", lambda: (seen[0], 0))
    page.add("agent/a", row)
    assert shown(page)["seen"] == "to do"
    seen[0] = 3
    assert shown(page)["seen"] == "3 steps seen"
    row.ended = "the tool was called"
    assert shown(page)["seen"] == "the tool was called"
    assert json.loads((await get(page, "/state")).body)["errands"] == [shown(page)]


def test_the_verdict_comes_with_what_was_expected(page):
    page.add("agent/a", Row(URL, "whoami", lambda: (1, 0)))
    assert shown(page)["verdict"] == ""
    page.hear(
        Check(
            *(1.0, "agent/a", "client-pkce", Level.MUST, Status.FAILED, ["S256"]),
            "plain",
        )
    )
    page.hear(ScenarioFinished(2.0, "agent/a", Status.FAILED))
    assert shown(page)["verdict"] == "failed"
    assert shown(page)["reason"] == "expected S256; got plain"


def test_a_control_that_failed_says_why(page):
    page.add("control/connect", Row(URL, "whoami", lambda: (0, 0)))
    why = "nobody connected in time"
    page.hear(Control(1.0, "control/connect", Status.INCONCLUSIVE, why))
    assert (shown(page)["verdict"], shown(page)["reason"]) == ("inconclusive", why)
