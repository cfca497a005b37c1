"""The verbs of an authorization server's flows, and the flows made of them.

Each verb sends one message and judges nothing but where it ended.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from cimd_conformance.flows._edit import Params
from cimd_conformance.flows._flow import StepEnd, VerbFunction
from cimd_conformance.flows._json import read_json
from cimd_conformance.flows.authorization_server._authorize import authorize
from cimd_conformance.flows.authorization_server._common import (
    FORM,
    describe,
    end,
    unjudged,
)
from cimd_conformance.flows.authorization_server._flood import flood
from cimd_conformance.flows.authorization_server._provider import come_back
from cimd_conformance.flows.authorization_server._state import AsState
from cimd_conformance.flows.authorization_server._tokens import (
    code_params,
    introspect,
    redeem,
    refresh,
    revoke,
    use,
)
from cimd_conformance.flows.authorization_server._world import PROXIED
from cimd_conformance.model import HarnessError, Message, Outcome, Step, Verb
from cimd_testbed.net import Response

FLOWS: dict[str, tuple[Verb, ...]] = {
    "authorization-code": (Verb.AUTHORIZE, Verb.REDEEM, Verb.USE),
    "refresh": (Verb.AUTHORIZE, Verb.REDEEM, Verb.REFRESH, Verb.USE),
    "revocation": (Verb.AUTHORIZE, Verb.REDEEM, Verb.REVOKE),
    "introspection": (Verb.AUTHORIZE, Verb.REDEEM, Verb.INTROSPECT),
    "metadata": (Verb.METADATA,),
    PROXIED: (Verb.AUTHORIZE, Verb.REDEEM, Verb.USE),
}
"""The legitimate flows."""


async def metadata(state: AsState, step: Step) -> StepEnd:
    """Read the metadata again, and put it where expectations can look at it."""
    url = state.target.metadata_url
    response: Response | None = None
    try:
        response = await state.http.request("GET", url)
    finally:
        state.record("as_metadata", "GET", url, (), b"", response)
    try:
        state.messages[Message.AS_METADATA] = read_json(response.body)
    except ValueError:
        return end(step, Outcome.NO_ANSWER, describe(response))
    return end(step, Outcome.COMPLETED, "metadata read")


async def rotate(state: AsState, step: Step) -> StepEnd:
    """Publish a new key."""
    state.identities[step.as_].rotate(keep=bool(step.with_.get("keep")))
    return end(step, Outcome.COMPLETED, "a new key is published")


async def publish(state: AsState, step: Step) -> StepEnd:
    """Let the changes of this step come into force."""
    del state
    return end(step, Outcome.COMPLETED, "published")


async def advance(state: AsState, step: Step) -> StepEnd:
    """Let time pass on the target's clock."""
    if state.world.advance is None:
        raise HarnessError("clock", "This network cannot move the target's clock.")
    if not await state.world.advance(float(step.with_.get("seconds", 0))):
        return end(step, Outcome.NO_ANSWER, "the target's clock stood still")
    return end(step, Outcome.COMPLETED, "time passed")


async def _racers(state: AsState, step: Step, count: int) -> list[Params]:
    """Make the requests of a race: with one code, or each with a code of its own."""
    if not step.with_.get("codes"):
        return [code_params(state, step) for _ in range(count)]
    found = []
    for _ in range(count):
        landed = await authorize(state, Step(Verb.AUTHORIZE, as_=step.as_))
        if landed.outcome is Outcome.COMPLETED:
            found.append(code_params(state, step))
    return found


async def race(state: AsState, step: Step) -> StepEnd:
    """Do the same thing several times at once; count how often it succeeded.

    With `codes = true` each request has a code of its own, so that what races is the
    client assertion.
    """
    count = min(int(step.with_.get("count", 8)), 32)
    if step.with_.get("do", "redeem") != "redeem":
        raise HarnessError("race", "Only redeem can be raced.")
    client = state.world.http(state.label)
    url = state.target.endpoint("token_endpoint")
    try:
        bodies = [urlencode(one).encode() for one in await _racers(state, step, count)]
        await asyncio.gather(  # open the connections first, so that the race is one
            *(client.request("GET", url) for _ in range(count)), return_exceptions=True
        )
        answers = await asyncio.gather(
            *(client.request("POST", url, FORM, body) for body in bodies),
            return_exceptions=True,
        )
    finally:
        await client.close()
    responses = [answer for answer in answers if isinstance(answer, Response)]
    for body, response in zip(bodies, responses, strict=False):
        state.record("token_request", "POST", url, FORM, body, response)
    return _raced(step, count, responses)


def _raced(step: Step, count: int, responses: list[Response]) -> StepEnd:
    """Judge a race by how many of its requests got tokens."""
    issued = [r for r in responses if r.status == 200 and b"access_token" in r.body]
    detail = f"{len(issued)} of {count} simultaneous requests got tokens"
    if not issued:
        unclear = [unjudged(response) for response in responses]
        if not responses or any(unclear):
            outcome = next(filter(None, unclear), Outcome.NO_ANSWER)
            return end(step, outcome, detail)
        return end(step, Outcome.REFUSED_AT_TOKEN, detail)
    many = len(issued) > 1
    limited = any(unjudged(r) is Outcome.RATE_LIMITED for r in responses)
    if not many and limited:
        detail += ", and others came too often"
        return end(step, Outcome.RATE_LIMITED, detail)
    if not many and len(responses) < 2:
        return end(step, Outcome.NO_ANSWER, f"{detail}, and the others no answer")
    return end(
        step, Outcome.ISSUED_MORE_THAN_ONCE if many else Outcome.COMPLETED, detail
    )


VERBS: dict[Verb, VerbFunction[AsState]] = {
    Verb.METADATA: metadata,
    Verb.AUTHORIZE: authorize,
    Verb.RETURN: come_back,
    Verb.REDEEM: redeem,
    Verb.USE: use,
    Verb.REFRESH: refresh,
    Verb.REVOKE: revoke,
    Verb.INTROSPECT: introspect,
    Verb.ROTATE: rotate,
    Verb.PUBLISH: publish,
    Verb.ADVANCE: advance,
    Verb.RACE: race,
    Verb.FLOOD: flood,
}
