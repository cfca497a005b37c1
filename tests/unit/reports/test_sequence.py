"""The model of a sequence diagram: lanes, folding, the change, the point of failure."""

from __future__ import annotations

import pytest
from report_samples import UNLISTED, check, contact, exchange

from cimd_conformance.model import Check, ContactSeen, Exchange, HttpMessage, Status
from cimd_conformance.reports._report import Evidence
from cimd_conformance.reports._sequence import (
    Arrow,
    ArrowKind,
    Sequence,
    sequence_of,
)


def draw(*items: Exchange | ContactSeen, checks: list[Check] | None = None) -> Sequence:
    evidence = Evidence()
    for item in items:
        evidence.add(item)
    return sequence_of(evidence, checks or [])


def between(number: int, sender: str, receiver: str, **more: object) -> Exchange:
    return exchange(UNLISTED, number, sender=sender, receiver=receiver, **more)


def reaching(number: int, depth: str, place: str = "evil", **more: object):
    names = {"place": place, "depth": depth, "target": None, **more}
    fields = {**{n: getattr(contact(UNLISTED, number), n) for n in _FIELDS}, **names}
    return ContactSeen(at=1.0, scenario=UNLISTED, number=number, **fields)


_FIELDS = ("address", "port", "name")


def answered(start: str, body: str = "", **headers: str) -> HttpMessage:
    return HttpMessage(start, list(headers.items()), body)


def fetched(number: int, url: str, receiver: str = "client", **more: object):
    asked = HttpMessage(f"GET {url}")
    more = {"message": "client_document", "response": answered("200"), **more}
    return between(number, "target", receiver, request=asked, **more)


def test_an_exchange_becomes_a_request_and_its_response():
    assert draw(exchange(UNLISTED, 4)).arrows == (
        Arrow(
            *(4, ArrowKind.REQUEST, "browser", "target"),
            *("GET /authorize?…", "authorization_request"),
            message="authorization_request",
        ),
        Arrow(
            *(4, ArrowKind.RESPONSE, "target", "browser"),
            *("302 → evil.example/callback?…", "code ‹code-1›"),
            message="authorization_request",
        ),
    )


def test_without_an_answer_there_is_no_arrow_back():
    arrows = draw(exchange(UNLISTED, 4, response=None)).arrows
    assert [arrow.kind for arrow in arrows] == ["request"]


def test_what_is_no_url_is_drawn_too():
    odd = "https://[evil/callback?code=1"
    asked = HttpMessage(f"GET {odd}")
    item = exchange(UNLISTED, 4, request=asked, response=answered("302", location=odd))
    request, response = draw(item).arrows
    assert request.label.startswith("GET https://[evil/callback")
    assert response.label.startswith("302 → https://[evil/callback")


def test_the_users_side_is_left_of_the_target_and_everybody_else_right():
    lanes = draw(
        between(1, "target", "zebra"),
        between(2, "target", "evil"),
        between(3, "target", "as"),
        between(4, "client", "target"),
        between(5, "browser", "target"),
    ).lanes
    assert lanes == ("browser", "client", "target", "as", "evil", "zebra")


def test_without_evidence_there_is_nothing_to_draw():
    assert draw() == Sequence((), ())


def test_what_led_to_a_request_that_we_served_is_part_of_it():
    drawn = draw(
        reaching(1, "dns"),
        reaching(2, "tcp"),
        reaching(3, "http", target="/client.json"),
        fetched(4, "https://evil.example/client.json"),
    )
    assert drawn.lanes == ("target", "evil")
    assert [arrow.number for arrow in drawn.arrows] == [4, 4]


def test_a_connection_without_a_request_is_one_arrow_that_says_how_deep():
    (arrow,) = draw(reaching(1, "dns"), reaching(2, "tcp"), reaching(3, "tls")).arrows
    assert arrow.kind is ArrowKind.CONTACT
    assert (arrow.sender, arrow.receiver) == ("target", "evil")
    assert (arrow.label, arrow.note) == ("dns, tcp, tls", "203.0.113.7:443")


def test_a_name_reached_at_another_address_has_no_lane_of_its_own():
    place = "inward (at another address)"
    drawn = draw(reaching(1, "dns", "inward"), reaching(2, "tcp", place))
    assert drawn.lanes == ("target", "inward")


def test_requests_that_repeat_are_folded():
    polls = [between(n, "client", "target", message="poll") for n in range(1, 6)]
    request, response = draw(*polls).arrows
    assert request.note == "poll, 5 times"
    assert response.note == "code ‹code-1›"


def test_another_answer_ends_the_folding():
    last = between(3, "browser", "target", response=answered("400"))
    arrows = draw(exchange(UNLISTED, 1), exchange(UNLISTED, 2), last).arrows
    assert [arrow.number for arrow in arrows] == [1, 1, 3, 3]


def test_contacts_that_repeat_are_folded():
    (arrow,) = draw(
        reaching(1, "http", target="/a"),
        reaching(2, "http", target="/a"),
    ).arrows
    assert arrow.note == "203.0.113.7:443, 2 times"


@pytest.mark.parametrize(
    ("sender", "receiver", "changed"),
    [("browser", "target", "request"), ("target", "client", "response")],
)
def test_the_change_is_in_what_we_send(sender, receiver, changed):
    arrows = draw(between(1, sender, receiver, changed=True)).arrows
    assert [arrow.kind for arrow in arrows if arrow.changed] == [changed]


@pytest.mark.parametrize(
    ("sender", "receiver", "failing"),
    [("browser", "target", "response"), ("target", "client", "request")],
)
def test_the_point_of_failure_is_what_the_target_sends(sender, receiver, failing):
    failed = check(UNLISTED, Status.FAILED, evidence=[1])
    arrows = draw(between(1, sender, receiver), checks=[failed]).arrows
    assert [arrow.kind for arrow in arrows if arrow.decisive] == [failing]


@pytest.mark.parametrize(
    ("illegal", "expected"), [(["outcome"], 3), (["untouched", "outcome"], 1)]
)
def test_of_several_numbers_the_one_where_it_went_wrong(illegal, expected):
    failed = check(UNLISTED, Status.FAILED, evidence=[1, 2, 3], illegal=illegal)
    answers = [answered(str(200 + n)) for n in range(4)]
    items = [between(n, "browser", "target", response=answers[n]) for n in (1, 2, 3)]
    arrows = draw(*items, checks=[failed]).arrows
    assert [arrow.number for arrow in arrows if arrow.decisive] == [expected]


def test_a_contact_that_a_check_names_marks_the_request_it_led_to():
    failed = check(UNLISTED, Status.FAILED, evidence=[2], illegal=["untouched"])
    arrows = draw(
        reaching(2, "tcp"),
        fetched(3, "https://evil.example/x", "evil"),
        checks=[failed],
    ).arrows
    marked = [(a.number, a.kind) for a in arrows if a.decisive]
    assert marked == [(2, "request")]


@pytest.mark.parametrize(
    ("actual", "marked"),
    [
        ("prm.resource is absent", [2]),
        ("token_response.token_type is 1", [3]),
        ("traffic.leaks is [1]", []),
        ("", []),
    ],
)
def test_a_check_of_a_message_marks_the_last_exchange_of_it(actual, marked):
    failed = check(UNLISTED, Status.FAILED, actual=actual, evidence=[])
    names = {1: "prm", 2: "prm", 3: "token_request", 4: "mcp_request"}
    items = [
        between(n, "client", "target", message=name, response=answered(str(200 + n)))
        for n, name in names.items()
    ]
    arrows = draw(*items, checks=[failed]).arrows
    assert [a.number for a in arrows if a.decisive] == marked


def test_a_passed_check_marks_nothing():
    passed = check(UNLISTED, Status.PASSED, evidence=[1])
    arrows = draw(exchange(UNLISTED, 1), checks=[passed]).arrows
    assert not any(arrow.decisive for arrow in arrows)


@pytest.mark.parametrize(
    ("response", "label", "note"),
    [
        (answered("400", '{"error": "invalid_grant"}'), "400", "error invalid_grant"),
        (answered("200", '{"access_token": "‹token-1›"}'), "200", "access_token"),
        (answered("200", '{"error": {"message": "no"}}'), "200", "error no"),
        (answered("200", "<p>hello"), "200", ""),
        (answered("200", "[1]"), "200", ""),
        (answered("303", Location="/login"), "303 → /login", ""),
        (
            answered("302", location="https://client-9.long-name.example/cb?error=x"),
            "302 → client-9…/cb?…",
            "error x",
        ),
        (answered("302", location="app:/cb#code=1"), "302 → app:/cb#…", "code 1"),
    ],
)
def test_an_answer_in_few_words(response, label, note):
    arrow = draw(exchange(UNLISTED, 1, response=response)).arrows[1]
    assert (arrow.label, arrow.note) == (label, note)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/.well-known/oauth-protected-resource/mcp", "…/oauth-protected-resource/mcp"),
        ("/clients/19892e655ff21200/deeper/callback", "/clients/…/callback"),
        (
            "/.well-known/one-that-is-long/of/very/many/words",
            "…/one-that-is-long/…/words",
        ),
        (f"/{'x' * 40}", f"/{'x' * 30}…"),
    ],
)
def test_a_long_path_is_shown_by_its_ends(path, shown):
    arrow = draw(fetched(1, f"https://a.example{path}")).arrows[0]
    assert arrow.label == f"GET {shown}"


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("mcp_response", "mcp_response tools/list"),
        ("mcp_request tools/list", "mcp_request tools/list"),
    ],
)
def test_a_request_of_json_rpc_is_told_by_its_method(message, note):
    request = HttpMessage("POST https://a.example/mcp", [], '{"method": "tools/list"}')
    arrows = draw(between(1, "target", "server", message=message, request=request))
    assert arrows.arrows[0].note == note


def test_what_the_target_did_for_a_request_stands_inside_it():
    drawn = draw(
        between(1, "client", "target", response=answered("401")),
        reaching(2, "dns"),
        fetched(3, "https://client.example/client.json"),
        exchange(UNLISTED, 4, response=answered("200")),
        between(5, "browser", "as", response=answered("200")),
        between(6, "target", "as", response=answered("200")),
    )
    assert [(arrow.number, arrow.kind.value) for arrow in drawn.arrows] == [
        *((1, "request"), (1, "response")),
        *((4, "request"), (2, "contact"), (3, "request"), (3, "response")),
        *((4, "response"), (5, "request"), (5, "response")),
        *((6, "request"), (6, "response")),
    ]
