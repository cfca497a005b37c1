"""Each kind of expectation, answered."""

from __future__ import annotations

from typing import Any

import pytest
from engine_support import (
    OTHER,
    REQUIREMENT,
    new_evidence,
    profile,
    result,
    touch,
)
from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.catalogue import Profile
from cimd_conformance.engine._judge import Answer, answer, to_check, worst
from cimd_conformance.flows import FlowResult, StepEnd
from cimd_conformance.model import (
    REFUSALS,
    WORST_FIRST,
    Expect,
    Level,
    Message,
    Outcome,
    Status,
    Verb,
)
from cimd_testbed.net import Depth

LABEL = "as/test/one"


def judged(expect: Expect, flow: FlowResult, *touches: str) -> Answer:
    evidence = new_evidence()
    for place in touches:
        touch(evidence, LABEL, place)
    return answer(expect, flow, evidence, LABEL, flow.known)


def legal(expect: Expect, flow: FlowResult, *touches: str) -> bool | None:
    return judged(expect, flow, *touches).legal


# --- outcomes -----------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_a_listed_outcome_is_legal(outcome: Outcome) -> None:
    assert legal(Expect(REQUIREMENT, outcome=[outcome.value]), result(outcome)) is True


@pytest.mark.parametrize("outcome", Outcome)
def test_refused_stands_for_every_refusal_and_nothing_else(outcome: Outcome) -> None:
    found = legal(Expect(REQUIREMENT, outcome=["refused"]), result(outcome))
    unclear = outcome in (Outcome.NO_ANSWER, Outcome.RATE_LIMITED)
    assert found is (True if outcome in REFUSALS else None if unclear else False)


@pytest.mark.parametrize("outcome", [Outcome.NO_ANSWER, Outcome.RATE_LIMITED])
def test_silence_is_neither_a_refusal_nor_a_fault(outcome: Outcome) -> None:
    found = judged(Expect(REQUIREMENT, outcome=["completed"]), result(outcome))
    assert found.legal is None
    assert found.reason


def _steps(**outcomes: Outcome) -> list[StepEnd]:
    return [
        StepEnd(Verb.REDEEM, name, outcome, name, (number,))
        for number, (name, outcome) in enumerate(outcomes.items())
    ]


def test_a_step_is_judged_by_its_own_end() -> None:
    steps = _steps(first=Outcome.COMPLETED, second=Outcome.REFUSED_AT_TOKEN)
    flow = result(Outcome.REFUSED_AT_TOKEN, steps=steps)
    completed = ["completed"]
    assert legal(Expect(REQUIREMENT, step="first", outcome=completed), flow) is True
    assert legal(Expect(REQUIREMENT, step="second", outcome=completed), flow) is False
    found = judged(Expect(REQUIREMENT, step="third", outcome=completed), flow)
    assert found.legal is None
    assert "before the step 'third'" in found.reason


# --- places -------------------------------------------------------------------------


def test_contact_is_proof_whatever_became_of_the_flow() -> None:
    expect = Expect(REQUIREMENT, untouched=["inward"], outcome=["refused"])
    for flow in (
        result(Outcome.REFUSED_AT_TOKEN),
        result(Outcome.NO_ANSWER),
        result(Outcome.RATE_LIMITED),
        result(changed=False, why_not="never sent"),
    ):
        assert legal(expect, flow, "inward") is False


def test_a_name_that_was_only_asked_for_is_untouched() -> None:
    evidence = new_evidence()
    touch(evidence, LABEL, "inward", Depth.DNS)
    expect = Expect(REQUIREMENT, untouched=["inward"])
    found = answer(expect, result(Outcome.REFUSED_AT_TOKEN), evidence, LABEL, {})
    assert found.legal is True


def test_a_place_that_may_be_connected_to_gets_no_request() -> None:
    evidence = new_evidence()
    expect = Expect(REQUIREMENT, unasked=["neighbour"])
    touch(evidence, LABEL, "neighbour", Depth.TLS)
    assert answer(expect, result(), evidence, LABEL, {}).legal is True
    touch(evidence, LABEL, "neighbour", Depth.HTTP)
    found = answer(expect, result(changed=False), evidence, LABEL, {})
    assert (found.legal, found.illegal) == (False, ("unasked",))
    assert "neighbour got a request" in found.actual


@pytest.mark.parametrize("depth", [Depth.TCP, Depth.CLIENT_HELLO, Depth.TLS])
def test_a_contact_that_ends_before_a_request_says_so(depth: Depth) -> None:
    evidence = new_evidence()
    expect = Expect(REQUIREMENT, untouched=["inward"])
    touch(evidence, LABEL, "inward", depth)
    found = answer(expect, result(), evidence, LABEL, {})
    assert (found.legal, found.illegal) == (False, ("untouched",))
    assert found.actual.startswith("inward was reached, and asked nothing: ")
    touch(evidence, LABEL, "inward", Depth.HTTP)
    found = answer(expect, result(), evidence, LABEL, {})
    assert found.actual.startswith("inward was reached: ")


def test_another_scenario_s_contact_is_not_ours() -> None:
    evidence = new_evidence()
    touch(evidence, "as/test/other", "inward")
    expect = Expect(REQUIREMENT, untouched=["inward"])
    assert answer(expect, result(), evidence, LABEL, {}).legal is True


def test_touched_has_to_be_seen() -> None:
    expect = Expect(REQUIREMENT, touched=["client"])
    assert legal(expect, result(), "client") is True
    assert legal(expect, result()) is False


@pytest.mark.parametrize("outcome", [Outcome.NO_ANSWER, Outcome.RATE_LIMITED])
def test_absence_proves_nothing_when_the_target_did_not_answer(
    outcome: Outcome,
) -> None:
    """A server that answers 429 to everything after the control contacts nobody."""
    found = judged(Expect(REQUIREMENT, untouched=["inward"]), result(outcome, "429"))
    assert found.legal is None
    assert "429" in found.reason


def test_absence_in_a_step_does_not_depend_on_later_ones() -> None:
    steps = _steps(first=Outcome.COMPLETED, second=Outcome.NO_ANSWER)
    flow = result(Outcome.NO_ANSWER, steps=steps)
    assert legal(Expect(REQUIREMENT, step="first", untouched=["x"]), flow) is True
    assert legal(Expect(REQUIREMENT, untouched=["x"]), flow) is None


@pytest.mark.parametrize(
    ("outcome", "touches", "illegal"),
    [
        (Outcome.REFUSED_AT_TOKEN, ("client",), ()),
        (Outcome.COMPLETED, ("client",), ("outcome",)),
        (Outcome.REFUSED_AT_TOKEN, ("client", "inward"), ("untouched",)),
        (Outcome.REFUSED_AT_TOKEN, (), ("touched",)),
        (Outcome.COMPLETED, ("inward",), ("untouched", "touched", "outcome")),
    ],
)
def test_it_is_told_which_parts_were_illegal(
    outcome: Outcome, touches: tuple[str, ...], illegal: tuple[str, ...]
) -> None:
    expect = Expect(
        REQUIREMENT, outcome=["refused"], untouched=["inward"], touched=["client"]
    )
    found = judged(expect, result(outcome), *touches)
    assert found.illegal == illegal
    check = to_check(0.0, LABEL, expect, found, profile())
    assert check.illegal == list(illegal)


def test_an_unmade_change_leaves_contact_as_the_only_illegal_part() -> None:
    expect = Expect(REQUIREMENT, outcome=["refused"], untouched=["inward"])
    never = result(Outcome.COMPLETED, changed=False, why_not="never sent")
    assert judged(expect, never, "inward").illegal == ("untouched",)
    assert judged(expect, never).illegal == ()


def test_a_place_not_reached_is_nothing_when_the_change_was_not_made() -> None:
    expect = Expect(REQUIREMENT, untouched=["inward"], touched=["client"])
    assert legal(expect, result(changed=False, why_not="never sent")) is None


# --- delivery -----------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_a_change_never_delivered_is_never_passed_or_failed(outcome: Outcome) -> None:
    flow = result(outcome, changed=False, why_not="The document was never fetched.")
    for expected in ("refused", "completed"):
        found = judged(Expect(REQUIREMENT, outcome=[expected]), flow)
        assert found.legal is None
        assert "never fetched" in found.reason


# --- messages -----------------------------------------------------------------------


def test_an_illegal_message_is_told_as_such() -> None:
    expect = Expect(
        REQUIREMENT,
        in_=Message.AS_METADATA,
        at=["flag"],
        equals=True,
        outcome=["completed"],
    )
    flow = result(messages={Message.AS_METADATA: {"flag": False}})
    assert judged(expect, flow).illegal == ("message",)


METADATA = {
    "flag": True,
    "one": 1,
    "text": "a frame-src b",
    "list": ["a", {"deep": "x"}],
    "null": None,
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"at": ["flag"], "equals": True}, True),
        ({"at": ["flag"], "equals": False}, False),
        ({"at": ["one"], "equals": True}, False),
        ({"at": ["flag"], "equals": 1}, False),
        ({"at": ["gone"], "equals": False}, False),
        ({"at": ["one"], "equals": "{number}"}, True),
        ({"at": ["one"], "one_of": [2, "{number}"]}, True),
        ({"at": ["flag"], "one_of": [1]}, False),
        ({"at": ["gone"], "one_of": [1]}, False),
        ({"at": ["text"], "contains": "frame"}, True),
        ({"at": ["text"], "contains": "{word}"}, True),
        ({"at": ["text"], "contains": "frames"}, False),
        ({"at": ["list"], "contains": "a"}, True),
        ({"at": ["one"], "contains": "1"}, False),
        ({"at": ["gone"], "contains": "a"}, False),
        ({"at": ["text"], "lacks": "frame"}, False),
        ({"at": ["text"], "lacks": "script"}, True),
        ({"at": ["gone"], "lacks": "script"}, True),
        ({"at": ["gone"], "absent": True}, True),
        ({"at": ["null"], "absent": True}, False),
        ({"at": ["null"], "present": True}, True),
        ({"at": ["gone"], "present": True}, False),
        ({"at": ["list", 1, "deep"], "equals": "x"}, True),
        ({"at": ["list", 5], "absent": True}, True),
        ({"at": ["list", "deep"], "absent": True}, True),
        ({"at": ["text"], "contains": "frame", "lacks": "frame"}, False),
    ],
)
def test_rules_for_messages(rule: dict[str, Any], expected: bool) -> None:
    flow = result(
        messages={Message.AS_METADATA: METADATA}, known={"number": 1, "word": "a fr"}
    )
    expect = Expect(REQUIREMENT, in_=Message.AS_METADATA, **rule)
    assert legal(expect, flow) is expected


def test_a_message_that_never_came_says_nothing() -> None:
    expect = Expect(REQUIREMENT, in_=Message.TOKEN_RESPONSE, at=["x"], absent=True)
    found = judged(expect, result(detail="HTTP 500"))
    assert found.legal is None
    assert "token_response" in found.reason


def test_all_parts_have_to_be_legal() -> None:
    expect = Expect(REQUIREMENT, outcome=["completed"], untouched=["evil"])
    assert legal(expect, result()) is True
    assert legal(expect, result(), "evil") is False
    assert legal(expect, result(Outcome.REFUSED_AT_TOKEN)) is False


# --- grading ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "level", "status"),
    [
        (True, Level.MUST, Status.PASSED),
        (True, Level.SHOULD, Status.PASSED),
        (True, Level.MAY, Status.PASSED),
        (True, None, Status.NOT_APPLICABLE),
        (False, Level.MUST, Status.FAILED),
        (False, Level.SHOULD, Status.WARNED),
        (False, Level.MAY, Status.PASSED),
        (False, None, Status.NOT_APPLICABLE),
        (None, Level.MUST, Status.INCONCLUSIVE),
        (None, Level.SHOULD, Status.INCONCLUSIVE),
        (None, Level.MAY, Status.INCONCLUSIVE),
        (None, None, Status.NOT_APPLICABLE),
    ],
)
def test_levels(found: bool | None, level: Level | None, status: Status) -> None:
    levels = {REQUIREMENT: level} if level else {OTHER: Level.MUST}
    given_answer = Answer(found, ["x"], "y", [1])
    chosen = Profile("p", "P", levels, {})
    check = to_check(0.0, LABEL, Expect(REQUIREMENT), given_answer, chosen)
    assert check.status is status
    assert check.level is level
    assert check.clause
    assert check.fix


def test_a_conflict_between_texts_is_said() -> None:
    conflict = Profile(
        "p", "P", {REQUIREMENT: Level.MAY}, {REQUIREMENT: "Texts differ"}
    )
    found = Answer(False, ["x"], "y", [])
    check = to_check(0.0, LABEL, Expect(REQUIREMENT), found, conflict)
    assert (check.status, check.reason) == (Status.PASSED, "Texts differ")
    assert profile().levels == {REQUIREMENT: Level.MUST}


@given(st.lists(st.sampled_from(Status)))
def test_the_worst_status_wins(statuses: list[Status]) -> None:
    order = {status: place for place, status in enumerate(WORST_FIRST)}
    expected = min(statuses, key=order.__getitem__, default=Status.NOT_APPLICABLE)
    assert worst(statuses) is expected


@given(
    st.sampled_from(Outcome),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["refused", "completed", ""]),
    st.sampled_from([[], ["evil"]]),
)
def test_nothing_passes_without_an_answer_or_a_change(
    outcome: Outcome, changed: bool, reached: bool, wanted: str, untouched: list[str]
) -> None:
    """The one direction that must never go wrong."""
    if not (wanted or untouched):
        return
    expect = Expect(
        REQUIREMENT, outcome=[wanted] if wanted else [], untouched=untouched
    )
    flow = result(outcome, changed=changed)
    found = legal(expect, flow, *(["evil"] if reached else []))
    silent = outcome in (Outcome.NO_ANSWER, Outcome.RATE_LIMITED)
    if silent or not changed or (reached and untouched):
        assert found is not True
