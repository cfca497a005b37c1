"""Two clients at the same moment, with the same JSON-RPC id: who gets which answer.

Both call the tool that asks the API behind the server. The API answers the first one
and lets the second one wait: whoever of the second is answered now has got what was
meant for the first, whatever the tool says.
"""

from __future__ import annotations

import asyncio
import contextlib

from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.tool_server._requests import Answer, Ask, call_params, send
from cimd_conformance.flows.tool_server._state import Caller, ToolState
from cimd_conformance.flows.tool_server._tokens import token_of
from cimd_conformance.model import Message, Outcome, Step
from cimd_testbed.parties import Gate

_PATIENCE = 4.0
"""Seconds in which the API has to be asked; a server may take one call at a time."""

_RESULTS = (Outcome.COMPLETED, Outcome.REFUSED_IN_RESULT)
"""What counts as an answer: the tool may well complain about an API without content."""

_Call = asyncio.Task[Answer]


async def call_beside(state: ToolState, step: Step) -> StepEnd:
    """Call while another client calls, under one id, and see who is answered."""
    one, other = state.caller(step.as_), state.caller(str(step.with_["beside"]))
    upstream, number = state.world.upstream, state.next_id()
    for caller in (one, other):  # what is only asked of the API once is asked now
        answer = await _call(state, caller, state.next_id())
        if answer.outcome not in _RESULTS:
            return _end(state, step, answer.outcome, answer.detail)
    upstream.gate = gate = Gate()
    calls: list[_Call] = []
    try:
        for count, caller in enumerate((one, other), start=1):
            calls.append(asyncio.create_task(_call(state, caller, number)))
            if await _asked(gate, count, calls[-1]):
                continue
            if count == 1 or calls[-1].done():
                detail = "the API behind the server was not asked"
                return _end(state, step, Outcome.NO_ANSWER, detail)
            detail = "the server takes one call after the other"
            return _end(state, step, Outcome.COMPLETED, detail, "own")
        return await _answered(state, step, gate, calls)
    finally:
        upstream.gate = None
        gate.release()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def _asked(gate: Gate, count: int, call: _Call) -> bool:
    """Whether the API is asked for a call before the call is over."""
    came = asyncio.create_task(gate.until(count))
    await asyncio.wait(
        {came, call}, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED
    )
    if came.done():
        return True
    came.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await came
    return False


async def _answered(
    state: ToolState, step: Step, gate: Gate, calls: list[_Call]
) -> StepEnd:
    """Let the API answer the first, and see which of the two is answered."""
    first, second = calls
    gate.release_first()
    seconds = state.world.seconds
    await asyncio.wait(calls, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if second.done() and second.exception() is None:
        said = second.result().detail
        detail = f"the second client got an answer while its own was not there: {said}"
        return _end(state, step, Outcome.COMPLETED, detail, "crossed")
    if not first.done():
        return _end(state, step, Outcome.NO_ANSWER, "the first client got no answer")
    gate.release()
    answers = [first.result(), await second]
    bad = next((a for a in answers if a.outcome not in _RESULTS), None)
    if bad is not None:
        return _end(state, step, bad.outcome, bad.detail)
    detail = "each client got the answer to its own request"
    return _end(state, step, Outcome.COMPLETED, detail, "own")


async def _call(state: ToolState, caller: Caller, number: int) -> Answer:
    assert state.view.upstream is not None, "the feature `upstream` is there"
    params, token = call_params(state, state.view.upstream), token_of(state, caller)
    ask = Ask("tools/call", params, token, caller.session, identifier=number)
    return await send(state, caller, ask, changed=False)


def _end(
    state: ToolState, step: Step, outcome: Outcome, detail: str, answers: str = ""
) -> StepEnd:
    if answers:
        state.messages[Message.TRAFFIC] = {"answers": answers}
    return StepEnd(step.do, step.name, outcome, detail)
