"""The HTML report of a flawed demo, in a browser as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium_support import Page, browser, why_not

pytestmark = pytest.mark.browser

FAILING = "as/redirect-uri/unlisted-host"
PASSING = "as/redirect-uri/loopback-port"
OPEN = "document.querySelector('details.scenario[open]:not([hidden])')"
SHOWN = "[...document.querySelectorAll('#all details.scenario:not([hidden])')]"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the full demo with a flaw."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cimd_conformance", "demo", "-q"),
            *("--flaw", "redirect-uri-not-compared", "--html", str(file)),
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return file


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if reason := why_not():
        pytest.skip(reason)
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def page(chromium: Page, report: Path) -> Iterator[Page]:
    """Open the report anew; whatever is done with it, it must not complain."""
    chromium.complaints.clear()
    chromium.requests.clear()
    chromium.media(prefers_color_scheme="light")
    chromium.size(1280, 900)
    chromium.open("about:blank")
    chromium.open(report.as_uri())
    yield chromium
    assert chromium.complaints == []
    asked = [url for url in chromium.requests if not url.startswith("data:")]
    assert set(asked) <= {"about:blank", report.as_uri()}


def search(page: Page, text: str) -> None:
    """Search with the keyboard, and open what is found first."""
    page.type("/")
    page.type(text)
    page.type("Enter")
    page.type("Enter")
    page.wait(f"{OPEN} && {OPEN}.querySelector('.diagram')")


def test_it_is_small(report: Path) -> None:
    """The worst failures with all their evidence; a conformant demo takes less."""
    assert report.stat().st_size < 2_400_000


def test_a_failing_scenario_is_found_with_the_keyboard(page: Page) -> None:
    search(page, f"failed {FAILING}")
    assert page.run(f"{SHOWN}.map((each) => each.id)") == [FAILING]
    assert page.run("document.querySelector('#shown').textContent").startswith("1 of ")
    visible = page.run(
        f"(() => {{ const box = {OPEN}.querySelector('svg').getBoundingClientRect();"
        "return box.width > 200 && box.height > 200; })()"
    )
    assert visible
    assert page.run(f"{OPEN}.querySelector('g.changed .mark').textContent")
    assert page.run(f"{OPEN}.querySelector('g.failed .mark').textContent")
    focused = "document.activeElement.closest('details').id"
    assert page.run(focused) == FAILING
    page.type("Tab")
    assert page.run(focused) == FAILING
    page.type("/")
    assert page.run("document.activeElement.id") == "search"
    page.type("Escape")
    assert page.run("document.activeElement.id") != "search"


def test_a_number_in_the_diagram_leads_to_its_exchange(page: Page) -> None:
    search(page, f"failed {FAILING}")
    number = page.run(
        f"(() => {{ const number = {OPEN}.querySelector('g.changed .goes');"
        "number.dispatchEvent(new MouseEvent('click', {bubbles: true}));"
        "return number.textContent.slice(1); })()"
    )
    page.wait(f"document.getElementById('n{number}').open")
    page.wait(f"{OPEN}.querySelector('.transcripts').open")


def test_what_passed_is_unpacked_beside_its_control(page: Page) -> None:
    search(page, PASSING)
    sides = f"[...{OPEN}.querySelectorAll('.pair .side:first-child pre')]"
    page.wait(f"{sides}.length")
    assert any(
        text.startswith("GET https://as.cimd-lab.net/authorize")
        for text in page.run(f"{sides}.map((each) => each.textContent)")
    )
    assert page.run(f"{OPEN}.querySelectorAll('[data-pack]').length") == 0


def test_statuses_can_be_chosen(page: Page) -> None:
    failed = page.run(f"{SHOWN}.filter((e) => e.dataset.status == 'failed').length")
    page.run("document.querySelector('input[value=failed]').click()")
    assert page.run(f"{SHOWN}.length") == failed > 0
    page.run("document.querySelector('button[type=reset]').click()")
    page.wait(f"{SHOWN}.length > {failed}")


def test_a_link_leads_to_a_scenario_that_was_filtered_out(page: Page) -> None:
    page.run("document.querySelector('input[value=failed]').click()")
    page.run(f"location.hash = '#{PASSING}'")
    page.wait(f"document.getElementById('{PASSING}').open")
    page.wait(f"!document.getElementById('{PASSING}').hidden")


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_does_not_scroll_sideways(page: Page, width: int) -> None:
    page.size(width, 844, phone=True)
    search(page, FAILING)
    page.run(f"{OPEN}.querySelectorAll('details').forEach((d) => {{ d.open = true; }})")
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.run("Math.round(visualViewport.scale * 100)") == 100


def test_it_is_dark_where_the_person_wants_it(page: Page) -> None:
    colours = "[getComputedStyle(document.body).backgroundColor, "
    colours += "getComputedStyle(document.body).color]"
    light = page.run(colours)
    page.media(prefers_color_scheme="dark")
    dark = page.run(colours)
    assert light == ["rgb(255, 255, 255)", "rgb(27, 31, 36)"]
    assert dark[0] == "rgb(20, 23, 26)"


def test_on_paper_failures_are_open(page: Page) -> None:
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    page.media("print")
    opened = page.run(f"{SHOWN}.filter((e) => e.open).map((e) => e.dataset.status)")
    assert "failed" in opened
    assert set(opened) <= {"failed", "warned"}
    assert (
        page.run("getComputedStyle(document.querySelector('form')).display") == "none"
    )
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert page.run(f"{SHOWN}.filter((e) => e.open).length") == 0


def test_without_scripts_what_failed_is_readable(page: Page, report: Path) -> None:
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(report.as_uri())
        page.send("DOM.enable")
        root = page.send("DOM.getDocument")["root"]["nodeId"]
        selector = f"details[id='{FAILING}'] .side pre"
        found = page.send("DOM.querySelectorAll", nodeId=root, selector=selector)
        assert len(found["nodeIds"]) > 5
        links = f"details[id='{FAILING}'] a.copied"
        assert page.send("DOM.querySelector", nodeId=root, selector=links)["nodeId"]
        form = page.send("DOM.querySelector", nodeId=root, selector="form[hidden]")
        assert form["nodeId"]
    finally:
        page.send("Emulation.setScriptExecutionDisabled", value=False)


def test_what_passed_is_found_by_its_facts(page: Page) -> None:
    """The clause of a passed scenario is packed; the search learns it."""
    page.type("/")
    page.type("169.254/16 fe80::/10")
    page.wait(f"{SHOWN}.some((each) => each.dataset.status == 'passed')")
    assert page.run(f"{SHOWN}.length") < 20
