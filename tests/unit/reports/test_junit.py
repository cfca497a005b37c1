"""JUnit XML: a golden file, its shape, and what each status becomes."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from report_samples import (
    SMALL,
    UNLISTED,
    check,
    exchange,
    footer,
    header,
    whole_run,
)

from cimd_conformance.model import (
    AnyEvent,
    Control,
    HttpMessage,
    RunFinished,
    ScenarioFinished,
    Status,
)
from cimd_conformance.reports.junit import JunitWriter

GOLDEN = Path(__file__).parent / "golden" / "junit.xml"

NUMBERS = {"tests", "failures", "errors", "skipped", "time"}
RESULTS = {"failure", "error", "skipped"}
SHAPE: dict[str, tuple[set[str], list[str]]] = {
    "testsuites": ({"name", *NUMBERS}, ["testsuite"]),
    "testsuite": ({"name", "timestamp", *NUMBERS}, ["properties", "testcase"]),
    "properties": (set(), ["property"]),
    "property": ({"name", "value"}, []),
    "testcase": (
        {"name", "classname", "time"},
        ["properties", *sorted(RESULTS), "system-out"],
    ),
    "failure": ({"type", "message"}, []),
    "error": ({"type", "message"}, []),
    "skipped": ({"type", "message"}, []),
    "system-out": (set(), []),
}
"""Attributes and children of each element; children come in this order."""


def write(folder: Path, events: list[AnyEvent]) -> ET.Element:
    """Return the root of the report of these events."""
    file = folder / "junit.xml"
    replay = "cimd-conformance demo --seed 7"
    writer = JunitWriter(str(file), replay=replay)
    for event in events:
        writer.event(event)
    writer.finish()
    return ET.fromstring(file.read_bytes())


def cases(root: ET.Element) -> dict[str, ET.Element]:
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def results(case: ET.Element) -> set[tuple[str, str]]:
    return {(each.tag, each.attrib["type"]) for each in case if each.tag in RESULTS}


def assert_shape(element: ET.Element) -> None:
    attributes, children = SHAPE[element.tag]
    assert set(element.attrib) == attributes, element.tag
    found = [child.tag for child in element]
    assert found == sorted(found, key=children.index)
    assert not children or not (element.text or "").strip()
    for child in element:
        assert_shape(child)


def test_golden_and_shape(tmp_path: Path) -> None:
    root = write(tmp_path, whole_run())
    content = (tmp_path / "junit.xml").read_bytes()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_bytes(content)
    assert content == GOLDEN.read_bytes()
    assert_shape(root)


def test_the_numbers_are_those_of_the_cases(tmp_path: Path) -> None:
    root = write(tmp_path, whole_run())
    for element in [root, root[0]]:
        assert int(element.attrib["tests"]) == len(list(root.iter("testcase")))
        for tag, name in [("failure", "failures"), ("error", "errors")]:
            assert int(element.attrib[name]) == len(list(root.iter(tag)))
        assert int(element.attrib["skipped"]) == len(list(root.iter("skipped")))


@pytest.mark.parametrize(
    ("status", "expected", "strict"),
    [
        (Status.PASSED, set(), set()),
        (Status.WARNED, set(), {("failure", "warned")}),
        (Status.FAILED, {("failure", "failed")}, None),
        (Status.INCONCLUSIVE, {("error", "inconclusive")}, None),
        (Status.ERROR, {("error", "error")}, None),
        (Status.NOT_RUN, {("skipped", "not-run")}, None),
        (Status.NOT_APPLICABLE, {("skipped", "not-applicable")}, None),
    ],
)
def test_what_a_status_becomes(
    tmp_path: Path,
    status: Status,
    expected: set[tuple[str, str]],
    strict: set[tuple[str, str]] | None,
) -> None:
    end = RunFinished(2.0, "conformant", 0, {status.value: 1}, 2.0)
    events = [header(), ScenarioFinished(1.0, UNLISTED, status, "because"), end]
    case = cases(write(tmp_path, events))[UNLISTED]
    assert results(case) == expected
    assert (case.find("system-out") is not None) is (status is Status.WARNED)
    events[0] = msgspec.structs.replace(header(), strict=True)
    case = cases(write(tmp_path, events))[UNLISTED]
    assert results(case) == (expected if strict is None else strict)


def test_a_failure_says_everything(tmp_path: Path) -> None:
    case = cases(write(tmp_path, whole_run()))[UNLISTED]
    failure = case.find("failure")
    assert failure is not None
    assert case.attrib["classname"] == "authorization-server.redirect-uri"
    for label in ("clause", "expected", "got", "change", "evidence", "replay", "fix"):
        assert f"\n{label:<8}  " in str(failure.text)
    assert "got completed" in failure.attrib["message"]
    properties = {
        each.attrib["name"]: each.attrib["value"] for each in case.iter("property")
    }
    assert properties["level"] == "MUST"
    assert properties["clauses"] == "cimd-redirect-exact-match"
    assert properties["severity"] == "critical"
    assert properties["profile"] == "hardened"


def test_a_warning_is_told_on_system_out(tmp_path: Path) -> None:
    case = cases(write(tmp_path, whole_run()))[SMALL]
    assert "6144 bytes were read" in str(case.findtext("system-out"))


def test_an_inconclusive_case_shows_its_control(tmp_path: Path) -> None:
    name = "cimd/assertion/stale-key[auth=private_key_jwt]"
    error = cases(write(tmp_path, whole_run()))[name].find("error")
    assert error is not None
    assert "invalid_client" in error.attrib["message"]
    assert "token_request: POST /token → 401" in str(error.text)


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (RunFinished(1.0, "interrupted", 3, {}, 1.0, interrupted=True), "interrupted"),
        (RunFinished(1.0, "nothing-ran", 5, {}, 1.0), "nothing-ran"),
        (
            RunFinished(
                *(1.0, "error", 3, {}, 1.0),
                details={"error": {"code": "not-ready", "message": "No.", "hint": "?"}},
            ),
            "not-ready",
        ),
    ],
)
def test_a_run_that_is_not_green_has_a_red_case(
    tmp_path: Path, end: RunFinished, kind: str
) -> None:
    started = msgspec.structs.replace(header(), plan=[])
    root = write(tmp_path, [started, end])
    assert_shape(root)
    assert results(cases(root)["run"]) == {("error", kind)}


def test_a_control_in_error_is_red_though_no_case_is(tmp_path: Path) -> None:
    broken = Control(1.0, "control/x", Status.ERROR, "KeyError")
    root = write(tmp_path, [header(), broken, footer()])
    assert results(cases(root)["run"]) == {("error", "error")}


HOSTILE = "]]></failure><script>&\x00\x1b[2J\ud800\ufffe\U0001ffff\u202e\x85\n\r"


def test_a_target_cannot_break_the_document(tmp_path: Path) -> None:
    answer = HttpMessage(HOSTILE, [("Location", HOSTILE), (HOSTILE, HOSTILE)], HOSTILE)
    started = msgspec.structs.replace(header(), target=HOSTILE, profile=HOSTILE)
    root = write(
        tmp_path,
        [
            started,
            exchange(UNLISTED, 4, message=HOSTILE, response=answer),
            check(
                UNLISTED,
                Status.FAILED,
                **dict.fromkeys(("actual", "reason", "clause", "fix"), HOSTILE),
                expected=[HOSTILE],
                requirement=HOSTILE,
            ),
            ScenarioFinished(1.3, UNLISTED, Status.FAILED, HOSTILE),
            ScenarioFinished(1.3, SMALL, Status.NOT_RUN, HOSTILE),
            footer(),
        ],
    )
    assert_shape(root)
    text = (tmp_path / "junit.xml").read_text("utf-8")
    for forbidden in "\x00\x1b\ufffe\U0001ffff\u202e\x85\r":
        assert forbidden not in text
    assert "<script>" not in text
    told = str(cases(root)[UNLISTED].findtext("failure"))
    assert "]]></failure><script>&\\x00\\x1b[2J\\ud800\\ufffe" in told
