"""The verb `connect`: the client does an errand, and we say where it stopped."""

from __future__ import annotations

from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.agent_host._errand import Ended, Ending, Errand
from cimd_conformance.flows.agent_host._stage import LIFETIME, Stage
from cimd_conformance.flows.agent_host._state import AgentState
from cimd_conformance.model import OUTCOME_SETS, Message, Outcome, Step
from cimd_testbed.parties import TOOL

PAUSE = LIFETIME + 0.2
REFRESH_CALLS = 3
"""Two refreshes: only the second shows which refresh token was kept."""

_STOPS = (
    (("token_request", "refresh_request"), Outcome.STOPPED_AT_TOKEN_RESPONSE),
    (
        ("opened", "authorization_request", "callback"),
        Outcome.STOPPED_AT_AUTHORIZATION_RESPONSE,
    ),
    (("as_metadata",), Outcome.STOPPED_AT_SERVER_METADATA),
    (("prm",), Outcome.STOPPED_AT_RESOURCE_METADATA),
    (("challenge", "scope_challenge"), Outcome.STOPPED_AT_CHALLENGE),
    (("mcp",), Outcome.STOPPED_AT_CALL),
)
"""The furthest step first: what of it was seen, and where a client stopped then."""


async def connect(state: AgentState, step: Step) -> StepEnd:
    """Let the client call the tool; judge from our own side how far it went."""
    stage = state.stage
    stage.begin(step.as_)
    if step.with_.get("expired"):
        stage.tokens.expire_all()
    wanted = REFRESH_CALLS if state.flow == "refresh" else 1
    errand = Errand(
        state.label,
        state.flow,
        stage.server.url,
        TOOL,
        wanted,
        state.variant.get("auth", "none"),
        state.variant.get("protocol", "2025-11-25"),
        state.browser.open,
        state.publish,
        lambda: (len(stage.events), stage.calls),
        {"tool": TOOL, "calls": wanted, "pause": PAUSE if wanted > 1 else 0},
    )
    ended = await state.world.driver.connect(errand)
    await state.browser.close()
    state.messages[Message.TRAFFIC] = stage.traffic.tree()
    outcome = _outcome(stage, ended, wanted)
    if ended.ending is not Ending.EXITED and _may_still_be_right(state, step, outcome):
        outcome = Outcome.NO_ANSWER
    last = stage.events[-1] if stage.events else "nothing"
    detail = f"last seen: {last.replace('_', ' ')}; {ended.detail}"
    return StepEnd(step.do, step.name, outcome, detail)


def _outcome(stage: Stage, ended: Ended, wanted: int) -> Outcome:
    if stage.calls >= wanted:
        good = ended.ending is Ending.EXITED and ended.good
        return Outcome.COMPLETED if good else Outcome.CLIENT_FAILED
    if "astray" in stage.events:
        return Outcome.WENT_ASTRAY
    if not stage.events:
        return Outcome.NO_ANSWER
    events = _since_last_answer(stage.events)
    return next(
        outcome for names, outcome in _STOPS if any(event in names for event in events)
    )


def _since_last_answer(events: list[str]) -> list[str]:
    """Return what was seen since the client was last let in."""
    if "mcp" not in events:
        return events
    position = len(events) - 1 - events[::-1].index("mcp")
    return events[position + 1 :] or ["mcp"]


def _may_still_be_right(state: AgentState, step: Step, outcome: Outcome) -> bool:
    """Whether a client that neither ended nor went on could be about to go on.

    What it did is proof; what it did not do is none, as long as it runs.
    """
    if state.scenario is None:
        return True
    asked = [e for e in state.scenario.expect if e.outcome and e.step == step.name]
    legal = {
        str(legal)
        for expect in asked
        for name in expect.outcome
        for legal in OUTCOME_SETS.get(str(name), {str(name)})
    }
    return not legal or outcome.value in legal or "completed" in legal
