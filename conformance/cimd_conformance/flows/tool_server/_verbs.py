"""The verbs of a tool server's flows, and the flows made of them.

Each verb sends one message and judges nothing but where it ended.
"""

from __future__ import annotations

import json

from cimd_conformance.flows._flow import StepEnd, VerbFunction
from cimd_conformance.flows.tool_server._beside import call_beside
from cimd_conformance.flows.tool_server._discover import discover
from cimd_conformance.flows.tool_server._read import METHOD_NOT_FOUND
from cimd_conformance.flows.tool_server._requests import (
    Answer,
    Ask,
    call_params,
    greeting,
    send,
)
from cimd_conformance.flows.tool_server._state import Caller, ToolState
from cimd_conformance.flows.tool_server._tokens import token_of
from cimd_conformance.flows.tool_server._world import MODERN
from cimd_conformance.model import HarnessError, Message, Outcome, Step, Verb
from cimd_testbed.net import json_response

MOST_CALLS = 50
"""Load is bounded, whatever a scenario says."""

FLOWS: dict[str, tuple[Verb, ...]] = {
    "tool-call": (Verb.CONNECT, Verb.CALL),
    "tool-list": (Verb.CONNECT, Verb.LIST),
    "greeting": (Verb.CONNECT,),
    "discovery": (Verb.DISCOVER,),
}
"""The legitimate flows."""


def _end(step: Step, outcome: Outcome, detail: str) -> StepEnd:
    return StepEnd(step.do, step.name, outcome, detail)


async def _ask(state: ToolState, step: Step, ask: Ask) -> Answer:
    caller = state.caller(step.as_)
    changed = caller.name == "client" and bool(state.changes(Message.ACCESS_TOKEN))
    return await send(state, caller, ask, changed=changed)


def _session(state: ToolState, step: Step, caller: Caller) -> str:
    """Return the session id that a step uses: the caller's own unless told."""
    whose = step.with_.get("session")
    return (state.caller(str(whose)) if whose else caller).session


async def connect(state: ToolState, step: Step) -> StepEnd:
    """Begin: initialize a session, or ask what the server is."""
    caller = state.caller(step.as_)
    method, params = greeting(state.protocol)
    token = token_of(state, caller)
    answer = await _ask(state, step, Ask(method, params, token))
    if state.protocol == MODERN and _unknown_method(answer):
        return _end(step, Outcome.COMPLETED, f"{method} is not implemented")
    if answer.outcome is not Outcome.COMPLETED or state.protocol == MODERN:
        return _end(step, answer.outcome, answer.detail)
    caller.session = answer.response.header("mcp-session-id") or ""
    if caller.session:
        state.redactor.secret("session", caller.session)
    notice = Ask("notifications/initialized", {}, token, caller.session, notify=True)
    noticed = await _ask(state, step, notice)
    detail = f"{answer.detail}; the notice after it: {noticed.detail}"
    return _end(step, Outcome.COMPLETED, detail)


def _unknown_method(answer: Answer) -> bool:
    error = answer.message.get("error") if isinstance(answer.message, dict) else None
    return isinstance(error, dict) and error.get("code") == METHOD_NOT_FOUND


async def list_tools(state: ToolState, step: Step) -> StepEnd:
    """Ask for the tools; a list that names none is no result."""
    caller = state.caller(step.as_)
    token, session = token_of(state, caller), _session(state, step, caller)
    answer = await _ask(state, step, Ask("tools/list", {}, token, session))
    return _end(step, answer.outcome, answer.detail)


async def call(state: ToolState, step: Step) -> StepEnd:
    """Call the tool, and look for its effect where it is said to be."""
    if step.with_.get("upstream"):
        return await _ask_upstream(state, step)
    if "beside" in step.with_:
        return await call_beside(state, step)
    if "times" in step.with_:
        return await _call_often(state, step)
    caller = state.caller(step.as_)
    token = token_of(state, caller, fresh=bool(step.with_.get("fresh")))
    state.marker = f"marker-{state.world.seed}-{state.world.serial()}"
    params = call_params(state, state.view.tool)
    ask = Ask("tools/call", params, token, _session(state, step, caller))
    answer = await _ask(state, step, ask)
    completed = answer.outcome is Outcome.COMPLETED
    if state.view.effect is None or (completed and state.scenario is not None):
        return _end(step, answer.outcome, answer.detail)
    begin = len(state.numbers)
    there = await _effect(state)
    if not there:  # nothing that happened: the refusal itself is the evidence
        del state.numbers[begin:]
    if there and not completed:
        detail = f"{answer.detail}, and the tool ran all the same"
        return _end(step, Outcome.RAN_ANYWAY, detail)
    if completed and not there:
        return _end(step, Outcome.REFUSED_IN_RESULT, "the tool's effect is not there")
    return _end(step, answer.outcome, answer.detail)


async def _call_often(state: ToolState, step: Step) -> StepEnd:
    """Call again and again with new tokens; count what the issuer is asked."""
    issuer, times = state.world.issuer, min(int(step.with_["times"]), MOST_CALLS)
    before = issuer.keys_read
    once = Step(step.do, step.name, step.as_, {"fresh": True})
    ends = [await call(state, once) for _ in range(times)]
    read = issuer.keys_read - before
    state.messages[Message.TRAFFIC] = {"key_fetches": read, "calls": times}
    detail = f"{times} calls, the keys were fetched {read} times; {ends[-1].detail}"
    return _end(step, ends[-1].outcome, detail)


async def _ask_upstream(state: ToolState, step: Step) -> StepEnd:
    """Call the tool that asks the API behind the server; see what arrives there.

    When nothing arrives, there is no message to judge.
    """
    assert state.view.upstream is not None, "the feature `upstream` is there"
    caller, upstream = state.caller(step.as_), state.world.upstream
    token, before = token_of(state, caller), upstream.asked
    state.marker = f"marker-{state.world.seed}-{state.world.serial()}"
    params = call_params(state, state.view.upstream)
    ask = Ask("tools/call", params, token, _session(state, step, caller))
    answer = await _ask(state, step, ask)
    if upstream.asked == before:
        return _end(step, answer.outcome, "the API behind the server was not asked")
    arrived = upstream.seen[-1]
    state.record(
        "upstream_request",
        arrived.method,
        f"{upstream.origin}{arrived.target}",
        arrived.headers,
        arrived.body,
        json_response({}),
        sender="target",
        receiver="upstream API",
    )
    carried = "in the request" if upstream.has_seen(token) else "not in the request"
    state.messages[Message.UPSTREAM_REQUEST] = {"token": carried}
    return _end(step, answer.outcome, f"our token was {carried} that came upstream")


async def _effect(state: ToolState) -> bool:
    """Look, with a good token of somebody else, for the marker of this flow."""
    assert state.view.effect is not None
    kept = {name: state.messages.get(name) for name in _JUDGED}
    witness = state.caller("witness")
    token = token_of(state, witness)
    if not witness.session:
        await connect(state, Step(Verb.CONNECT, as_="witness"))
    params = call_params(state, state.view.effect)
    ask = Ask("tools/call", params, token, witness.session)
    answer = await send(state, witness, ask, changed=False)
    state.messages.update({k: v for k, v in kept.items() if v is not None})
    completed = answer.outcome is Outcome.COMPLETED
    return completed and state.marker in json.dumps(answer.message)


_JUDGED = (Message.MCP_RESPONSE, Message.CHALLENGE)


async def stream(state: ToolState, step: Step) -> StepEnd:
    """Open the stream of the session."""
    return await _bodyless(state, step, "GET")


async def disconnect(state: ToolState, step: Step) -> StepEnd:
    """End the session."""
    return await _bodyless(state, step, "DELETE")


async def _bodyless(state: ToolState, step: Step, method: str) -> StepEnd:
    caller = state.caller(step.as_)
    token, session = token_of(state, caller), _session(state, step, caller)
    answer = await _ask(state, step, Ask(method, {}, token, session))
    return _end(step, answer.outcome, answer.detail)


async def rotate(state: ToolState, step: Step) -> StepEnd:
    """Sign with a new key from now on."""
    state.rotated_from = state.rotated_from or state.world.issuer.keys
    state.world.issuer.rotate(keep=bool(step.with_.get("keep")))
    return _end(step, Outcome.COMPLETED, "the issuer signs with a new key")


async def revoke(state: ToolState, step: Step) -> StepEnd:
    """Let the issuer take the caller's token back."""
    state.revoked.add(state.caller(step.as_).token)
    return _end(step, Outcome.COMPLETED, "the token is revoked")


async def advance(state: ToolState, step: Step) -> StepEnd:
    """Let time pass on the target's clock."""
    if state.world.advance is None:
        raise HarnessError("clock", "This network cannot move the target's clock.")
    if not await state.world.advance(float(step.with_.get("seconds", 0))):
        return _end(step, Outcome.NO_ANSWER, "the target's clock stood still")
    return _end(step, Outcome.COMPLETED, "time passed")


VERBS: dict[Verb, VerbFunction[ToolState]] = {
    Verb.CONNECT: connect,
    Verb.LIST: list_tools,
    Verb.CALL: call,
    Verb.DISCOVER: discover,
    Verb.STREAM: stream,
    Verb.DISCONNECT: disconnect,
    Verb.ROTATE: rotate,
    Verb.REVOKE: revoke,
    Verb.ADVANCE: advance,
}
