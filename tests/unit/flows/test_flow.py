"""Steps: as in the control before the change, and no verdict without delivery."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cimd_conformance import flows
from cimd_conformance.flows import Flow, FlowResult, FlowState, StepEnd, World
from cimd_conformance.flows._flow import seconds_to_wait
from cimd_conformance.flows.authorization_server import FLOWS, VERBS
from cimd_conformance.model import (
    STEP_MESSAGES,
    STEP_OPTIONS,
    Change,
    Expect,
    Message,
    Outcome,
    Role,
    Scenario,
    Severity,
    Step,
    Verb,
)
from cimd_testbed.net import ForbiddenAddressError, HttpError, Response

CODE_FLOW = [Step(verb) for verb in FLOWS["authorization-code"]]


def scenario(**more: Any) -> Scenario:
    values: dict[str, Any] = {
        "id": "as/a/b",
        "title": "T",
        "role": Role.AUTHORIZATION_SERVER,
        "flow": "authorization-code",
        "severity": Severity.LOW,
        "expect": [Expect("r", outcome=["refused"])],
        **more,
    }
    return Scenario(**values)


def state_of(of: Scenario | None) -> FlowState:
    world = cast(World, SimpleNamespace(now=lambda: 100.0, secrets=()))
    return FlowState(world, "label", of, {}, cast(Any, None))


Act = Callable[[FlowState, Step], Outcome]


async def run(of: Scenario | None, steps: list[Step], act: Act) -> FlowResult:
    async def verb(state: FlowState, step: Step) -> StepEnd:
        return StepEnd(step.do, step.name, act(state, step), f"{step.do} said so")

    return await Flow(state_of(of), dict.fromkeys(Verb, verb), steps).run()


def ending(where: Verb, outcome: Outcome, *sent: Message) -> Act:
    """Complete every step but one; deliver these messages at the start."""

    def act(state: FlowState, step: Step) -> Outcome:
        state.sent.update(sent)
        return outcome if step.do is where else Outcome.COMPLETED

    return act


IN_TOKEN = Change(Message.TOKEN_REQUEST, ["code"], value="x")
IN_DOCUMENT = Change(Message.CLIENT_DOCUMENT, ["client_id"], value="x")


async def test_a_legitimate_flow_needs_no_delivery() -> None:
    found = await run(None, CODE_FLOW, lambda _state, _step: Outcome.COMPLETED)
    assert (found.outcome, found.changed) == (Outcome.COMPLETED, True)
    assert [end.verb for end in found.steps] == list(FLOWS["authorization-code"])


async def test_a_flow_stops_at_a_refusal() -> None:
    act = ending(Verb.REDEEM, Outcome.REFUSED_AT_TOKEN, Message.TOKEN_REQUEST)
    found = await run(scenario(change=[IN_TOKEN]), CODE_FLOW, act)
    assert found.outcome is Outcome.REFUSED_AT_TOKEN
    assert found.changed
    assert len(found.steps) == 2


async def test_a_refusal_before_the_change_is_not_about_the_change() -> None:
    act = ending(Verb.AUTHORIZE, Outcome.REFUSED_WITHOUT_REDIRECT)
    found = await run(scenario(change=[IN_TOKEN]), CODE_FLOW, act)
    assert not found.changed
    assert "before the change" in found.why_not
    assert "authorize said so" in found.why_not


async def test_a_document_that_was_never_fetched_was_never_changed() -> None:
    act = ending(Verb.AUTHORIZE, Outcome.REFUSED_WITHOUT_REDIRECT)
    found = await run(scenario(change=[IN_DOCUMENT]), CODE_FLOW, act)
    assert not found.changed
    assert "client_document never reached the target" in found.why_not


async def test_a_document_that_was_fetched_was_changed() -> None:
    act = ending(
        Verb.AUTHORIZE, Outcome.REFUSED_WITHOUT_REDIRECT, Message.CLIENT_DOCUMENT
    )
    found = await run(scenario(change=[IN_DOCUMENT]), CODE_FLOW, act)
    assert (found.changed, found.why_not) == (True, "")


async def test_a_completed_flow_without_delivery_proves_nothing_either() -> None:
    found = await run(
        scenario(change=[IN_DOCUMENT]), CODE_FLOW, lambda _s, _t: Outcome.COMPLETED
    )
    assert (found.outcome, found.changed) == (Outcome.COMPLETED, False)


async def test_the_first_of_two_changes_has_to_arrive() -> None:
    both = scenario(change=[IN_TOKEN, IN_DOCUMENT])
    act = ending(
        Verb.AUTHORIZE, Outcome.REFUSED_WITHOUT_REDIRECT, Message.CLIENT_DOCUMENT
    )
    assert (await run(both, CODE_FLOW, act)).changed
    act = ending(Verb.REDEEM, Outcome.REFUSED_AT_TOKEN, Message.TOKEN_REQUEST)
    assert not (await run(both, CODE_FLOW, act)).changed


async def test_a_message_that_no_step_carries_is_never_delivered() -> None:
    odd = scenario(change=[Change(Message.REVOCATION_REQUEST, ["token"], value="x")])
    found = await run(odd, CODE_FLOW, lambda _s, _t: Outcome.COMPLETED)
    assert not found.changed


STEPS = [
    Step(Verb.AUTHORIZE),
    Step(Verb.REDEEM),
    Step(Verb.REDEEM, name="again"),
    Step(Verb.USE),
]
AGAIN = Expect("r", step="again", outcome=["refused-at-token"])


async def test_a_choreography_without_a_change_has_to_reach_its_question() -> None:
    asked = scenario(step=STEPS, expect=[AGAIN])
    act = ending(Verb.AUTHORIZE, Outcome.REFUSED_WITHOUT_REDIRECT)
    found = await run(asked, STEPS, act)
    assert not found.changed
    assert "'authorize' before the change" in found.why_not


async def test_a_flow_goes_on_after_a_step_that_is_asked_about() -> None:
    def act(_state: FlowState, step: Step) -> Outcome:
        return Outcome.REFUSED_AT_TOKEN if step.name else Outcome.COMPLETED

    found = await run(scenario(step=STEPS, expect=[AGAIN]), STEPS, act)
    assert [end.outcome for end in found.steps] == [
        Outcome.COMPLETED,
        Outcome.COMPLETED,
        Outcome.REFUSED_AT_TOKEN,
        Outcome.COMPLETED,
    ]
    assert found.outcome is Outcome.REFUSED_AT_TOKEN
    assert found.changed


async def test_a_change_of_a_named_step_is_in_force_there_alone() -> None:
    named = Change(Message.TOKEN_REQUEST, ["code"], value="x", step="again")
    seen: list[int] = []

    def act(state: FlowState, step: Step) -> Outcome:
        changes = state.changes(Message.TOKEN_REQUEST)
        seen.append(len(changes))
        if changes and step.do is Verb.REDEEM:
            state.sent.add(Message.TOKEN_REQUEST)
        return Outcome.COMPLETED

    found = await run(scenario(step=STEPS, change=[named]), STEPS, act)
    assert seen == [0, 0, 1, 0]
    assert found.changed


async def test_what_is_served_stays_changed_until_the_next_publication() -> None:
    steps = [
        Step(Verb.AUTHORIZE),
        Step(Verb.PUBLISH, name="bad"),
        Step(Verb.AUTHORIZE),
        Step(Verb.PUBLISH, name="good"),
        Step(Verb.AUTHORIZE),
    ]
    served = Change(Message.CLIENT_DOCUMENT, ["x"], value=1, step="bad")
    seen: list[int] = []

    def act(state: FlowState, _step: Step) -> Outcome:
        seen.append(len(state.changes(Message.CLIENT_DOCUMENT)))
        return Outcome.COMPLETED

    await run(scenario(step=steps, change=[served]), steps, act)
    assert seen == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "error",
    [
        HttpError("no HTTP"),
        ConnectionRefusedError(),
        TimeoutError(),
        ForbiddenAddressError("8.8.8.8"),
    ],
)
async def test_no_answer_is_an_outcome(error: Exception) -> None:
    def act(_state: FlowState, _step: Step) -> Outcome:
        raise error

    found = await run(None, CODE_FLOW, act)
    assert found.outcome is Outcome.NO_ANSWER
    assert type(error).__name__ in found.detail


async def test_our_own_mistakes_are_not_the_target_s() -> None:
    def act(_state: FlowState, _step: Step) -> Outcome:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await run(None, CODE_FLOW, act)


async def test_placeholders_are_filled_in_when_the_change_is_made() -> None:
    seen: list[Any] = []

    def act(state: FlowState, _step: Step) -> Outcome:
        seen.extend(change.value for change in state.changes())
        return Outcome.COMPLETED

    changing = Change(Message.TOKEN_REQUEST, ["x"], value=["{now}", "{unknown}"])
    await run(scenario(change=[changing]), CODE_FLOW, act)
    assert seen[0] == [100, "{unknown}"]


# --- tables -------------------------------------------------------------------------


def test_every_flow_is_made_of_verbs_that_exist() -> None:
    for steps in FLOWS.values():
        assert set(steps) <= set(VERBS)


def test_every_verb_that_sends_says_what() -> None:
    assert set(STEP_MESSAGES) <= set(Verb)
    assert set(STEP_OPTIONS) <= set(Verb)


def test_the_options_of_steps_are_those_that_verbs_read() -> None:
    """An option that nobody reads would be a silent mistake in a scenario."""
    folder = Path(flows.__file__).parent
    text = "\n".join(file.read_text("utf-8") for file in folder.rglob("*.py"))
    read = set(re.findall(r'with_(?:\.get\(|\[)"(\w+)"', text))
    listed = {option for options in STEP_OPTIONS.values() for option in options}
    assert listed <= read


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {"Retry-After": "9"}, 0.0),
        (429, {"Retry-After": "9"}, 9.0),
        (429, {}, 1.0),
        (429, {"Retry-After": "soon"}, 1.0),
        (
            429,
            {
                "Retry-After": "Sun, 22 Nov 2026 10:00:09 GMT",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            9.0,
        ),
        (
            429,
            {
                "Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            0.0,
        ),
        (429, {"Retry-After": "Sun, 22 Nov 2026 10:00:09 GMT"}, 1.0),
    ],
)
def test_how_long_a_target_asks_to_be_left_alone(
    status: int, headers: dict[str, str], seconds: float
) -> None:
    response = Response(status, tuple(headers.items()))
    assert seconds_to_wait(response) == seconds
