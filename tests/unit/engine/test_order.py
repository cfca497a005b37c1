"""What waits begins first, and who lets the same time pass does it together."""

from __future__ import annotations

import asyncio

import pytest
from engine_support import Bench, answers, instance, result

from cimd_conformance.catalogue import Instance
from cimd_conformance.engine._order import Order
from cimd_conformance.flows import FlowResult
from cimd_conformance.model import Outcome, Place, Role, Scenario, Step, Verb
from cimd_testbed.parties import MovedPace

REFUSED = result(Outcome.REFUSED_AT_TOKEN, "HTTP 400")


def waiting(name: str) -> Instance:
    return instance(name, isolation="waiting")


def passing(name: str, seconds: int = 60, **more: object) -> Instance:
    step = Step(Verb.ADVANCE, with_={"seconds": seconds})
    return instance(name, isolation="exclusive", step=[step], **more)


def clock(seconds: list[float]) -> Bench:
    """Return a bench whose scenarios let a minute pass, and note when."""

    async def advance(passed: float) -> bool:
        await asyncio.sleep(0)
        seconds.append(passed)
        return True

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if scenario is None:
            return result()
        if scenario.id.endswith("early"):
            return REFUSED
        assert bench.world.advance is not None
        moved = await bench.world.advance(60)
        return REFUSED if moved else result(Outcome.NO_ANSWER, label)

    bench = Bench(play, advance=advance, jobs=4)
    return bench


async def test_what_waits_begins_first_in_half_of_the_slots() -> None:
    others_ended = asyncio.Event()
    open_waits, most = 0, 0

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        nonlocal open_waits, most
        if scenario is None:
            return result()
        if label == "as/test/n9":
            others_ended.set()
        if scenario.isolation == "waiting":
            open_waits += 1
            most = max(most, open_waits)
            await others_ended.wait()
            open_waits -= 1
        return REFUSED

    bench = Bench(play, jobs=4)
    plan = [instance(f"n{n}") for n in range(10)]
    plan += [waiting(f"w{n}") for n in range(3)]
    got = await bench.run(*plan)
    assert set(got.values()) == {"passed"}
    assert most == 2
    assert bench.most_open <= 4
    assert bench.calls.index("as/test/w0") < bench.calls.index("as/test/n9")


async def test_the_closing_control_of_what_waited_needs_no_slot_of_its_own() -> None:
    """All others wait in line for one, so that the lane would stand still."""
    bench = Bench(answers(REFUSED), jobs=2)
    plan = [instance(f"n{n}") for n in range(20)]
    plan.append(instance("w", isolation="waiting", disturbs=True))
    await bench.run(*plan)
    closing = next(call for call in bench.calls if call.endswith("#as/test/w"))
    assert bench.calls.index(closing) < bench.calls.index("as/test/n19")


@pytest.mark.parametrize(
    "bench",
    [
        Bench(answers(REFUSED), jobs=1),
        Bench(answers(REFUSED), time=MovedPace(lambda: 0.0, lambda _seconds: None)),
    ],
    ids=["one-slot", "moved-time"],
)
async def test_where_nothing_runs_beside_it_what_waits_runs_last(bench: Bench) -> None:
    await bench.run(waiting("w"), instance("a"), instance("b"))
    assert bench.calls[-1] == "as/test/w"


async def test_the_clock_is_moved_once_for_all_who_let_the_same_time_pass() -> None:
    seconds: list[float] = []
    bench = clock(seconds)
    got = await bench.run(*(passing(f"p{n}") for n in range(4)))
    assert set(got.values()) == {"passed"}
    assert seconds == [60.0]


async def test_who_ends_early_is_not_waited_for() -> None:
    seconds: list[float] = []
    bench = clock(seconds)
    async with asyncio.timeout(5):
        got = await bench.run(passing("a"), passing("early"), passing("b"))
    assert set(got.values()) == {"passed"}
    assert seconds == [60.0]
    assert bench.world.advance is not None


async def test_who_comes_a_second_time_comes_too_late() -> None:
    """The others have gone on: the clock is not moved under them."""
    seconds: list[float] = []
    bench = clock(seconds)
    once = bench.play

    async def twice(label: str, scenario: Scenario | None) -> FlowResult:
        found = await once(label, scenario)
        again = label == "as/test/b"
        return await once(label, scenario) if again else found

    bench.play = twice
    got = await bench.run(passing("a"), passing("b"))
    assert got == {"as/test/a": "passed", "as/test/b": "inconclusive"}
    assert seconds == [60.0]


def test_company_is_of_one_kind_and_no_larger_than_the_target_allows() -> None:
    plan = [
        passing("long", 3600),
        *(passing(f"p{n}") for n in range(3)),
        passing("with-a-place", place=[Place("inward", "10.0.0.1")]),
        passing("disturbing", disturbs=True),
        passing("one-issuer", role=Role.TOOL_SERVER),
        instance("still", isolation="exclusive"),
    ]
    order = Order.of(plan, lanes=1, company=2)
    assert [[one.id.rpartition("/")[2] for one in some] for some in order.alone] == [
        *(["with-a-place"], ["one-issuer"], ["still"]),
        *(["p0", "p1"], ["p2"], ["long"], ["disturbing"]),
    ]
    assert len(Order.of(plan, lanes=1, company=1).alone) == len(plan)
