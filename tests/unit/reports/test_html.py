"""The HTML report: what it holds, and what a target cannot do to it."""

from __future__ import annotations

import base64
import collections
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from html_support import one, parse, unpacked, write
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import (
    BROKEN_CONTROL,
    CONTROL,
    REBIND,
    SMALL,
    UNLISTED,
    check,
    contact,
    exchange,
    footer,
    header,
    whole_run,
)
from selectolax.lexbor import LexborHTMLParser, LexborNode

from cimd_conformance.model import (
    AnyEvent,
    ConfigError,
    Control,
    HttpMessage,
    RunFinished,
    ScenarioFinished,
    Status,
    TargetExited,
)
from cimd_conformance.reports import html as html_report
from cimd_conformance.reports._html_templates import text_of
from cimd_conformance.reports._html_text import Differs, Gone
from cimd_conformance.reports.html import HtmlWriter
from cimd_conformance.reports.text import visible

PASSED = "cimd/flow/plain"
HOSTILE = (
    "</script><script>alert(1)</script></style></pre></title>--><!--"
    "\"'><img src=x onerror=alert(1)>&lt;&#60;{{ 7*7 }}{% raw %}"
    "https://[x\u202e\u2066\u200b\u2028\x00\x1b\ud800\ufffe\U000e0041\x85\r"
)
INVISIBLE = "\u202e\u2066\u200b\u2028\x00\x1b\ud800\ufffe\U000e0041\x85\r"


def scenario(tree: LexborHTMLParser, name: str) -> LexborNode:
    return one(tree, f'details[id="{name.replace(" ", "_")}"]')


def attributes(tree: LexborHTMLParser) -> list[tuple[str, str, str]]:
    found = []
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            found.append((node.tag, name, value or ""))
    return found


def assert_sound(page: str) -> LexborHTMLParser:
    """Demand what holds for every page: unique ids, true links, nothing foreign."""
    tree = parse(page)
    everything = attributes(tree)
    ids = collections.Counter(v for _, name, v in everything if name == "id")
    assert [name for name, count in ids.items() if count > 1] == []
    for tag, name, value in everything:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("style", "srcdoc", "action", "src"), (tag, name)
        if name == "href" and tag != "link":
            assert value.startswith("#"), value
    for link in tree.css("a[href]"):
        wanted = str(link.attributes["href"])[1:]
        assert _decoded(wanted) in ids, wanted
    kinds = [node.attributes.get("type") for node in tree.css("script")]
    assert kinds.count(None) == 1
    assert set(kinds) <= {None, "application/octet-stream"}
    assert tree.css("img, iframe, object, embed, base") == []
    return tree


def _decoded(anchor: str) -> str:
    from urllib.parse import unquote

    return unquote(anchor)


def test_every_scenario_is_there_with_its_status(tmp_path: Path) -> None:
    tree = assert_sound(write(tmp_path, whole_run()))
    for planned in header().plan:
        found = scenario(tree, planned.id)
        assert planned.title in found.text()
    by_status = {
        node.attributes["id"]: node.attributes["data-status"]
        for node in tree.css("#all details.scenario")
    }
    assert by_status[UNLISTED] == "failed"
    assert by_status[REBIND.replace(" ", "_")] == "not-run"
    assert len(by_status) == len(header().plan)


def test_a_failure_says_everything(tmp_path: Path) -> None:
    found = scenario(assert_sound(write(tmp_path, whole_run())), UNLISTED)
    labels = [node.text() for node in found.css("dt")]
    assert labels == [
        *("id", "clause", "expected", "got", "the one change", "usual fix", "attack"),
        *("control", "replay"),
    ]
    text = one(found, ".facts").text()
    assert "MUST" in text
    assert "draft-03 §4.2" in text
    assert f"--seed 7 --only {UNLISTED}" in text
    assert "cimd-redirect-exact-match" in text
    assert "MUST in cimd-00" in text


def test_a_failure_is_drawn_and_told_in_words(tmp_path: Path) -> None:
    found = scenario(assert_sound(write(tmp_path, whole_run())), UNLISTED)
    picture = one(found, ".diagram svg")
    assert [node.text() for node in picture.css(".lane")] == [
        "browser",
        "target",
        "evil",
    ]
    assert one(picture, "g.changed .mark").text() == "the change"
    assert one(picture, "g.failed .mark").text() == "failed here"
    assert one(picture, "g.contact .label").text() == "http /callback"
    words = [node.text() for node in found.css(".words li")]
    assert words[0].startswith("#4 browser → target: GET /authorize?…")
    assert words[0].endswith("the change")
    assert len(words) == len(picture.css("g[transform]"))


def test_failures_stand_together_by_cause(tmp_path: Path) -> None:
    events: list[AnyEvent] = [header()]
    for name in (UNLISTED, SMALL, REBIND, PASSED):
        wrong = {"requirement": "other"} if name == REBIND else {}
        events.append(check(name, Status.FAILED, **wrong))
        events.append(ScenarioFinished(1.0, name, Status.FAILED))
    tree = assert_sound(write(tmp_path, [*events, footer()]))
    together = one(tree, "[aria-labelledby=failed] .cause.several")
    title = one(together, "p.aside").text()
    assert title == "3 with one cause: cimd-redirect-exact-match"
    ids = [node.attributes["id"] for node in together.css("details.scenario")]
    assert ids == [UNLISTED, PASSED, SMALL]


def test_what_passed_is_packed_and_what_failed_is_not(tmp_path: Path) -> None:
    page = write(tmp_path, whole_run())
    assert set(unpacked(page)) == {PASSED}
    plain = LexborHTMLParser(page)
    assert len(scenario(plain, UNLISTED).css(".diagram")) == 1
    assert scenario(plain, PASSED).css(".diagram") == []
    assert scenario(plain, PASSED).css(".facts") == []
    whole = scenario(parse(page), PASSED)
    assert len(whole.css(".diagram")) == 1
    assert "expected" in [node.text() for node in whole.css("dt")]
    assert "usual fix" not in [node.text() for node in whole.css("dt")]


def test_more_failures_than_fit_are_packed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_report, "_PLAIN_BYTES", 0)
    page = write(tmp_path, whole_run())
    assert set(unpacked(page)) == {PASSED, UNLISTED, CONTROL}
    assert_sound(page)


def test_the_policy_allows_only_what_is_ours(tmp_path: Path) -> None:
    page = write(tmp_path, whole_run())
    tree = LexborHTMLParser(page)
    policy = str(
        one(tree, 'meta[http-equiv="Content-Security-Policy"]').attributes["content"]
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    style = page.partition("<style>")[2].partition("</style>")[0]
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_change_is_marked_beside_the_control(tmp_path: Path) -> None:
    sent = "GET https://as.example/authorize?client_id=https%3A%2F%2F{}&scope=a{}"
    before = HttpMessage(sent.format("client-1.example%2Fi1%2Fc.json", "&state=1"))
    after = HttpMessage(sent.format("evil-12.example%2Fi12%2Fc.json", ""))
    events: list[AnyEvent] = [
        header(),
        exchange(CONTROL, 1, request=before),
        Control(at=0.2, id=CONTROL, status=Status.PASSED),
        exchange(UNLISTED, 2, request=after, changed=True),
        check(UNLISTED, Status.FAILED, evidence=[2]),
        ScenarioFinished(1.0, UNLISTED, Status.FAILED),
        footer(),
    ]
    found = scenario(assert_sound(write(tmp_path, events)), UNLISTED)
    pair = one(found, "details.pair")
    assert "open" in pair.attributes
    assert [node.text() for node in pair.css("ins")] == [
        "client_id=https://evil-12.example/i12/c.json"
    ]
    gone = [node.text() for node in pair.css("del")]
    assert gone == ["client_id=https://client-1.example/i1/c.json", "state=1"]
    assert [node.text() for node in pair.css(".tag")] == [
        *("the change", "evidence", "differs"),
    ]


def test_a_mark_is_not_forgotten_for_the_same_words() -> None:
    shown = [text_of(lines) for lines in (("a",), (Differs("a"),), (Gone(" a"),))]
    assert shown == ["a\n", "<ins>a</ins>\n", " <del>a</del>\n"]
    assert text_of(("a",)) == "a\n"


def test_names_of_every_flow_are_no_difference(tmp_path: Path) -> None:
    answer = '{{"client_id": "https://client-{0}.example/i{0}/c.json", "exp": {1}}}'
    both = [
        HttpMessage(
            "HTTP/1.1 200 OK", [("Content-Length", str(n))], answer.format(n, t)
        )
        for n, t in ((1, 1795312982), (27, 1795319999))
    ]
    events: list[AnyEvent] = [
        header(),
        exchange(CONTROL, 1, response=both[0]),
        Control(at=0.2, id=CONTROL, status=Status.PASSED),
        exchange(UNLISTED, 2, response=both[1]),
        ScenarioFinished(1.0, UNLISTED, Status.FAILED),
        footer(),
    ]
    found = scenario(assert_sound(write(tmp_path, events)), UNLISTED)
    assert found.css(".pair ins, .pair del") == []
    (side,) = found.css(".pair .side")
    assert side.css_first("a.copied").attributes["href"] == "#n1"
    assert side.css("pre") == []


def test_the_worst_failure_is_there_without_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[AnyEvent] = [header()]
    for number, (name, status) in enumerate(
        [(PASSED, Status.WARNED), (UNLISTED, Status.FAILED)], start=1
    ):
        events.append(exchange(name, number, response=HttpMessage("HTTP/1.1 200 OK")))
        events.append(ScenarioFinished(1.0, name, status))
    monkeypatch.setattr(html_report, "_PLAIN_BYTES", 3_500)
    page = write(tmp_path, [*events, footer()])
    plain = LexborHTMLParser(page)
    assert len(scenario(plain, UNLISTED).css(".diagram")) == 1
    assert set(unpacked(page)) == {PASSED}


def test_a_long_body_is_open_where_it_differs(tmp_path: Path) -> None:
    first, other = (
        json.dumps({"a": list(range(20)), "b": name}) for name in ("honest", "evil")
    )
    answers = [HttpMessage("HTTP/1.1 200 OK", [], body) for body in (first, other)]
    for answer, opened in zip(answers, (0, 1), strict=True):
        events: list[AnyEvent] = [
            header(),
            exchange(CONTROL, 1, response=answers[0]),
            Control(at=0.2, id=CONTROL, status=Status.PASSED),
            exchange(UNLISTED, 2, response=answer),
            ScenarioFinished(1.0, UNLISTED, Status.FAILED),
            footer(),
        ]
        found = scenario(parse(write(tmp_path, events)), UNLISTED)
        assert len(found.css(".part details[open]")) == opened


def _jwt(*parts: object) -> str:
    coded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in parts
    ]
    return ".".join([*coded, "‹signature›"])


def test_tokens_are_decoded(tmp_path: Path) -> None:
    token = _jwt({"typ": "at+jwt", "alg": "ES256"}, {"sub": "alice", "aud": "x"})
    body = json.dumps({"access_token": token})
    answer = HttpMessage(
        "HTTP/1.1 200 OK", [("Content-Type", "application/json")], body
    )
    events = whole_run()
    events[9:9] = [exchange(UNLISTED, 9, response=answer)]
    found = scenario(assert_sound(write(tmp_path, events)), UNLISTED)
    shown = one(found, ".token")
    assert one(shown, "summary").text() == "JWT, at+jwt, ES256"
    header_text, claims = (node.text() for node in shown.css("pre"))
    assert json.loads(header_text) == {"typ": "at+jwt", "alg": "ES256"}
    assert json.loads(claims) == {"sub": "alice", "aud": "x"}


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJub25lIn0.!",
        "eyJhbGciOiJub25lIn0.A",
        "eyJhbGciOiJub25lIn0._-_-",
        "eyJbbbbbbbbbbbb.eyJhbGciOiJub25lIn0.",
        _jwt([1], "claims"),
        _jwt({"typ": 1, "alg": None}, {"a": "</script>\u202e"}),
    ],
)
def test_odd_tokens_are_shown_as_far_as_they_go(tmp_path: Path, token: str) -> None:
    odd = exchange(
        UNLISTED, 9, request=HttpMessage("GET /", [("Authorization", token)])
    )
    assert_sound(write(tmp_path, [*whole_run()[:9], odd, *whole_run()[9:]]))


def test_json_is_indented_and_nothing_is_lost(tmp_path: Path) -> None:
    body = '{"a":1,"a":1.0,"b":"\\u0041","c":[]}'
    answer = HttpMessage("HTTP/1.1 200 OK", [], body)
    events = [*whole_run()[:11], exchange(UNLISTED, 9, response=answer)]
    events += whole_run()[11:]
    found = scenario(parse(write(tmp_path, events)), UNLISTED)
    text = " ".join(node.text() for node in found.css("pre"))
    assert '"a": 1,\n  "a": 1.0,\n  "b": "\\u0041"' in text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a=b%2Fc&d=e+f", ["a=b/c", "d=e f"]),
        ("a=%62", ["a=b   (as sent: a=%62)"]),
        ("a=b%2fc", ["a=b/c   (as sent: a=b%2fc)"]),
        ("a&=&a=‹code-1›", ["a", "=", "a=‹code-1›"]),
        ("a=%00%FF", ["a=\\x00�"]),
        ("a=%2525", ["a=%25"]),
    ],
)
def test_unusual_spellings_are_told(
    tmp_path: Path, sent: str, shown: list[str]
) -> None:
    odd = exchange(UNLISTED, 9, request=HttpMessage(f"GET /x?{sent} HTTP/1.1"))
    page = write(tmp_path, [*whole_run()[:11], odd, *whole_run()[11:]])
    changed = one(parse(page), "#n9").css(".side")[1]
    lines = changed.css("pre")[0].text().splitlines()
    assert [line.strip() for line in lines] == ["GET /x?", *shown]


def hostile_run(text: str) -> list[AnyEvent]:
    """Return a run in which a target says the same thing everywhere."""
    message = HttpMessage(
        f"GET {text}?{text}", [("Location", text), (text, text)], f"{text}\n{text}"
    )
    form = ("Content-Type", "application/x-www-form-urlencoded")
    words = dict.fromkeys(("sender", "receiver", "message"), text)
    wrong: dict[str, Any] = dict.fromkeys(("actual", "reason", "clause", "fix"), text)
    return [
        msgspec.structs.replace(header(), target=text, profile=text, started=text),
        exchange(CONTROL, 1, request=message, response=message),
        Control(0.2, CONTROL, Status.PASSED),
        Control(0.2, BROKEN_CONTROL, Status.INCONCLUSIVE, text),
        exchange(UNLISTED, 4, request=message, response=message, **words),
        exchange(UNLISTED, 5, response=HttpMessage(text, [form], f"{text}&{text}")),
        msgspec.structs.replace(
            contact(UNLISTED, 6), place=text, name=text, address=text, target=text
        ),
        check(UNLISTED, Status.FAILED, expected=[text], evidence=[4, 6], **wrong),
        ScenarioFinished(1.3, UNLISTED, Status.FAILED, text),
        exchange(PASSED, 7, request=message, response=message, **words),
        ScenarioFinished(1.4, PASSED, Status.PASSED, text),
        ScenarioFinished(1.4, SMALL, Status.INCONCLUSIVE, text),
        TargetExited(2.0, 1, [text]),
        RunFinished(
            *(3.0, "failed", 1, {"failed": 1}, 3.0),
            details={"error": {"code": text, "message": text, "hint": text}},
        ),
    ]


def test_a_target_cannot_write_into_the_page(tmp_path: Path) -> None:
    page = write(tmp_path, hostile_run(HOSTILE))
    tree = assert_sound(page)
    for text in (page, *unpacked(page).values()):
        for forbidden in INVISIBLE:
            assert forbidden not in text, hex(ord(forbidden))
        assert "<script>alert" not in text
        assert "onerror=alert(1)>" not in text
    shown = scenario(tree, UNLISTED).text()
    assert "</script><script>alert(1)</script>" in shown
    assert (
        "{{ 7*7 }}{% raw %}https://[x\\u202e\\u2066\\u200b\\u2028\\x00\\x1b\\ud800"
        in shown
    )
    assert "</script><script>alert(1)</script>" in scenario(tree, PASSED).text()


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_whatever_it_says_the_page_is_sound(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    page = write(tmp_path_factory.mktemp("html"), hostile_run(text))
    assert_sound(page)
    assert all(letter == "\n" or visible(letter) == letter for letter in page)


def test_a_run_without_scenarios_says_why(tmp_path: Path) -> None:
    error = {"code": "not-ready", "message": "It did not start.", "hint": "Look at it."}
    end = RunFinished(1.0, "error", 3, {}, 1.0, details={"error": error})
    page = write(tmp_path, [msgspec.structs.replace(header(), plan=[]), end])
    text = one(assert_sound(page), ".alert").text()
    assert "It did not start." in text
    assert "Look at it." in text


def test_what_was_cut_short_keeps_its_evidence(tmp_path: Path) -> None:
    end = RunFinished(1.0, "interrupted", 3, {}, 1.0, interrupted=True)
    page = write(tmp_path, [header(), exchange(UNLISTED, 1), end])
    assert set(unpacked(page)) == {UNLISTED}
    assert_sound(page)


def test_a_later_end_counts(tmp_path: Path) -> None:
    """A scenario that passed is inconclusive when its control fails at the end."""
    events = whole_run()
    again = ScenarioFinished(9.0, PASSED, Status.INCONCLUSIVE, "At the end it failed.")
    events.insert(-1, again)
    found = scenario(assert_sound(write(tmp_path, events)), PASSED)
    assert found.attributes["data-status"] == "inconclusive"
    assert "At the end it failed." in found.text()


def test_an_unwritable_place_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        HtmlWriter(str(tmp_path / "missing" / "report.html"))
    assert caught.value.code == "report-not-writable"
