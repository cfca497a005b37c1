"""What is done otherwise for a target, and what each client holds for itself."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cimd_conformance.flows._world import Site
from cimd_conformance.flows.authorization_server import AsWorld, TargetView
from cimd_conformance.flows.authorization_server._state import AsState, _add_identity
from cimd_conformance.flows.authorization_server._tokens import (
    _assertion,
    _tokens,
    code_params,
)
from cimd_conformance.flows.authorization_server._verbs import race
from cimd_conformance.model import (
    Change,
    Message,
    Outcome,
    Role,
    Scenario,
    Severity,
    Step,
    Verb,
)
from cimd_testbed.net import Response
from cimd_testbed.parties import Credentials, RealPace, Web, read_jwt

KEYS = {"auth": "private_key_jwt", "alg": "ES256", "keys": "jwks"}
SCENARIO = Scenario(
    id="as/a/b",
    title="T",
    role=Role.AUTHORIZATION_SERVER,
    flow="refresh",
    severity=Severity.LOW,
    expect=[],
    without=["assertion-type"],
)


async def state_of(scenario: Scenario | None = None, **accommodations: str) -> AsState:
    target = TargetView(
        "t",
        "https://as",
        {"token_endpoint": "https://as/token"},
        "https://as/mcp",
        "read",
        "jwks",
        (Credentials("u", "p"),),
        frozenset(),
        {},
        {name.replace("_", "-"): value for name, value in accommodations.items()},
    )
    numbers = itertools.count(1)

    async def site(_label: str, name: str, prefix: str, _place: object) -> Site:
        return Site(name, f"{name}.example", None, prefix)

    world = SimpleNamespace(
        secrets=(),
        seed=0,
        now=lambda: 1000.0,
        serial=lambda: next(numbers),
        site=site,
        web=Web(),
        pace=RealPace(),
        patience=1.0,
    )
    given = cast(AsWorld, world), "l", scenario, KEYS, cast(Any, None)
    state = AsState(*given, target=target)
    await _add_identity(state, "client", "/i1", None)
    await _add_identity(state, "other", "/i2", None)
    return state


def typ(state: AsState) -> object:
    return read_jwt(_assertion(state, "client"))[0].get("typ")


async def test_the_type_of_assertions() -> None:
    assert typ(await state_of()) == "client-authentication+jwt"
    named = {"assertion_type": "oauth-client-auth+jwt"}
    assert typ(await state_of(**named)) == "oauth-client-auth+jwt"
    assert typ(await state_of(SCENARIO, **named)) == "client-authentication+jwt"
    assert typ(await state_of(assertion_without_type="")) is None


async def test_keys_by_reference_only() -> None:
    plain, told = await state_of(), await state_of(jwks_uri_only="")
    assert "jwks" in plain.client.document()
    assert "jwks" not in told.client.document()
    assert told.client.document()["jwks_uri"] == "https://client.example/i1/jwks.json"


async def test_a_used_assertion_goes_out_again_byte_for_byte() -> None:
    state = await state_of()
    first = _assertion(state, "client")
    assert _assertion(state, "client") != first
    last = state.holding("client").assertion
    state.scenario = Scenario(
        id="as/a/b",
        title="T",
        role=Role.AUTHORIZATION_SERVER,
        flow="refresh",
        severity=Severity.LOW,
        expect=[],
        change=[Change(Message.CLIENT_ASSERTION, ["used"], value=True)],
    )
    assert _assertion(state, "client") == last
    assert _assertion(state, "other") != last


async def test_a_thief_has_tokens_of_its_own_and_the_code_of_another() -> None:
    state = await state_of()
    state.holding("client").code = "of-client"
    state.holding("other").code = "of-other"
    own = dict(code_params(state, Step(Verb.REDEEM, as_="other")))
    stolen = dict(
        code_params(state, Step(Verb.REDEEM, as_="other", with_={"of": "client"}))
    )
    assert (own["code"], stolen["code"]) == ("of-other", "of-client")
    assert (
        own["client_id"]
        == stolen["client_id"]
        == "https://other.example/i2/client.json"
    )
    answer = Response(200, (), b'{"access_token": "a", "refresh_token": "r"}')
    step = Step(Verb.REDEEM, as_="other")
    _tokens(state, step, Message.TOKEN_RESPONSE, answer, Outcome.REFUSED_AT_TOKEN)
    assert state.holding("other").refresh_token == "r"
    assert state.holding("client").refresh_token == ""


async def test_cache_directives_have_no_case() -> None:
    state = await state_of()
    headers = (("Cache-Control", "No-Store"), ("cache-control", "Private"))
    answer = Response(200, headers, b'{"access_token": "a"}')
    step = Step(Verb.REDEEM)
    _tokens(state, step, Message.TOKEN_RESPONSE, answer, Outcome.REFUSED_AT_TOKEN)
    found = state.messages[Message.TOKEN_RESPONSE_HEADERS]
    assert found["cache-control"] == "no-store, private"


ISSUED = Response(200, (), b'{"access_token": "a"}')
REFUSED = Response(400, (), b'{"error": "invalid_grant"}')
LIMITED = Response(429, (), b"")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([ISSUED, REFUSED, REFUSED], Outcome.COMPLETED),
        ([ISSUED, ISSUED, LIMITED], Outcome.ISSUED_MORE_THAN_ONCE),
        ([ISSUED, LIMITED, REFUSED], Outcome.RATE_LIMITED),
        ([ISSUED, OSError(), OSError()], Outcome.NO_ANSWER),
        ([REFUSED, REFUSED, REFUSED], Outcome.REFUSED_AT_TOKEN),
    ],
)
async def test_a_race_among_answers_that_judge_nothing(
    answers: list[Any], outcome: Outcome
) -> None:
    state = await state_of()
    left = list(answers)

    async def request(method: str, *_more: object) -> Response:
        if method == "GET":
            return REFUSED
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast(Response, answer)

    async def close() -> None:
        pass

    world = cast(Any, state.world)
    world.http = lambda _label: SimpleNamespace(request=request, close=close)
    world.evidence = SimpleNamespace(exchange=lambda *_record: 1)
    ended = await race(state, Step(Verb.RACE, with_={"count": len(answers)}))
    assert ended.outcome is outcome
