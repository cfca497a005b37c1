"""The order of things: controls, scenarios, grace, closing controls, the end."""

from __future__ import annotations

import asyncio

import pytest
from engine_support import (
    OTHER,
    REQUIREMENT,
    Bench,
    Play,
    answers,
    instance,
    profile,
    result,
    touch,
)

from cimd_conformance.flows import FlowResult
from cimd_conformance.model import (
    Check,
    Expect,
    Level,
    Message,
    Outcome,
    Place,
    Scenario,
    ScenarioFinished,
    ScenarioStarted,
    Status,
    TargetError,
    TargetExited,
)

REFUSED = result(Outcome.REFUSED_AT_TOKEN, "HTTP 400")
CONTROL = "control/authorization-code[auth=none]"


async def test_a_refused_attack_passes_and_an_accepted_one_fails() -> None:
    assert await Bench(answers(REFUSED)).run(instance()) == {"as/test/one": "passed"}
    assert await Bench(answers(result())).run(instance()) == {"as/test/one": "failed"}


async def test_a_control_runs_once_for_all_of_its_shape() -> None:
    bench = Bench(answers(REFUSED))
    plan = [instance(name) for name in ("a", "b", "c")]
    plan.append(instance("d", flow="refresh"))
    plan.append(instance("e", variants={"auth": ["private_key_jwt"]}))
    await bench.run(*plan)
    keys = [control.id for control in bench.controls()]
    assert sorted(keys) == sorted({one.control for one in plan})
    assert len(keys) == 3
    assert bench.calls.index(CONTROL) < bench.calls.index("as/test/a")


async def test_without_its_control_nothing_is_tried_or_passed() -> None:
    refusal = result(Outcome.REFUSED_AT_TOKEN, "HTTP 400 invalid_client")
    bench = Bench(answers(REFUSED, refusal))
    found = await bench.run(instance("a"), instance("b"))
    assert set(found.values()) == {"inconclusive"}
    assert bench.calls == [CONTROL]
    assert "invalid_client" in bench.reasons()["as/test/a"]


async def test_a_control_that_is_our_own_fault_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def play(_label: str, scenario: Scenario | None) -> FlowResult:
        assert scenario is None
        raise KeyError("boom")

    bench = Bench(play)
    assert await bench.run(instance()) == {"as/test/one": "error"}
    (control,) = bench.controls()
    assert control.status is Status.ERROR
    assert "boom" in control.reason
    assert "KeyError" in capsys.readouterr().err


async def test_our_own_fault_in_one_scenario_leaves_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if label == "as/test/a":
            raise ZeroDivisionError("ours")
        return result() if scenario is None else REFUSED

    bench = Bench(play)
    found = await bench.run(instance("a"), instance("b"))
    assert found == {"as/test/a": "error", "as/test/b": "passed"}
    assert "ours" in bench.reasons()["as/test/a"]
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_a_broken_engine_is_not_a_shorter_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bug outside any scenario must not end in a green, shorter run."""

    async def fail(_self: object, _label: str) -> None:
        raise RuntimeError("leases are broken")

    bench = Bench(answers(REFUSED))
    engine = bench.engine()
    monkeypatch.setattr(type(engine.leases), "release", fail)
    with pytest.raises(BaseExceptionGroup):
        await engine.run([instance("a"), instance("b")])


# --- closing controls ---------------------------------------------------------------


async def test_a_closing_control_runs_after_its_scenario() -> None:
    bench = Bench(answers(REFUSED))
    assert await bench.run(instance(disturbs=True)) == {"as/test/one": "passed"}
    assert bench.calls == [CONTROL, "as/test/one", f"{CONTROL}#as/test/one"]
    assert [c.closing_for for c in bench.controls()] == [None, "as/test/one"]


async def test_a_target_that_is_broken_afterwards_has_not_passed() -> None:
    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        return REFUSED if scenario is not None or "#" in label else result()

    bench = Bench(play)
    assert await bench.run(instance(disturbs=True)) == {"as/test/one": "inconclusive"}
    assert "closing control" in bench.reasons()["as/test/one"]


async def test_a_failure_stays_one_whatever_the_closing_control_says() -> None:
    async def play(label: str, _scenario: Scenario | None) -> FlowResult:
        return REFUSED if "#" in label else result()

    bench = Bench(play)
    assert await bench.run(instance(disturbs=True)) == {"as/test/one": "failed"}


async def test_a_closing_control_that_errs_names_its_scenario(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if "#" in label:
            raise KeyError("late")
        return result() if scenario is None else REFUSED

    bench = Bench(play)
    await bench.run(instance(disturbs=True))
    assert bench.controls()[-1].closing_for == "as/test/one"
    assert "late" in capsys.readouterr().err


# --- grace and isolation ------------------------------------------------------------


@pytest.mark.parametrize(("grace", "status"), [(0.2, "failed"), (0.0, "passed")])
async def test_absence_is_judged_after_the_grace(grace: float, status: str) -> None:
    bench = Bench(answers(REFUSED), grace=grace)

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if scenario is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(0.05, touch, bench.evidence, label, "evil")
        return result() if scenario is None else REFUSED

    bench.play = play
    late = instance(expect=[Expect(REQUIREMENT, untouched=["evil"])])
    assert await bench.run(late) == {"as/test/one": status}


async def test_scenarios_stay_open_together_while_they_wait() -> None:
    bench = Bench(answers(REFUSED), grace=0.2, jobs=1)
    plan = [
        instance(f"n{number}", expect=[Expect(REQUIREMENT, untouched=["evil"])])
        for number in range(20)
    ]
    began = asyncio.get_running_loop().time()
    assert set((await bench.run(*plan)).values()) == {"passed"}
    assert asyncio.get_running_loop().time() - began < 2
    assert bench.most_open == 1


@pytest.mark.parametrize("jobs", [1, 3])
async def test_no_more_flows_than_jobs_are_open(jobs: int) -> None:
    async def play(_label: str, scenario: Scenario | None) -> FlowResult:
        await asyncio.sleep(0.01)
        return result() if scenario is None else REFUSED

    bench = Bench(play, jobs=jobs)
    await bench.run(*(instance(f"n{number}") for number in range(9)))
    assert bench.most_open == jobs


async def test_an_exclusive_scenario_runs_alone_and_last() -> None:
    seen: dict[str, int] = {}
    bench = Bench(answers(REFUSED))

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        await asyncio.sleep(0.01)
        seen[label] = bench.open_now
        return result() if scenario is None else REFUSED

    bench.play = play
    plan = [instance(f"x{n}", isolation="exclusive") for n in range(2)]
    plan += [instance(f"n{n}") for n in range(4)]
    await bench.run(*plan)
    assert seen["as/test/x0"] == seen["as/test/x1"] == 1
    assert bench.calls[-2:] == ["as/test/x0", "as/test/x1"]


# --- what is not run ----------------------------------------------------------------


async def test_a_missing_power_is_not_run_and_says_so() -> None:
    bench = Bench(answers(REFUSED), powers=frozenset({"canary"}))
    one = instance(needs=["canary", "clock"])
    assert await bench.run(one) == {"as/test/one": "not-run"}
    assert bench.reasons()["as/test/one"] == "Needs the power clock."
    assert not bench.calls
    assert not [e for e in bench.events if isinstance(e, ScenarioStarted)]


async def test_a_place_with_an_ipv6_address_needs_ipv6() -> None:
    place = Place("inward", answers=[["93.184.216.254"], ["::1"]])
    bench = Bench(answers(REFUSED))
    plan = [instance(place=[place]), instance("two", place=[Place("inward")])]
    got = await bench.run(*plan)
    assert got == {"as/test/one": "not-run", "as/test/two": "passed"}
    assert bench.reasons()["as/test/one"] == "Needs the power ipv6."


async def test_waiting_for_a_turn_is_not_a_scenario_s_time() -> None:
    bench = Bench(answers(REFUSED), jobs=1)
    one, two = instance("one"), instance("two")
    await bench.run(one, two)
    running: set[str] = set()
    for event in bench.events:
        if isinstance(event, ScenarioStarted):
            running.add(event.id)
            assert len(running) == 1
        if isinstance(event, ScenarioFinished):
            running.remove(event.id)


async def test_with_the_power_it_runs() -> None:
    bench = Bench(answers(REFUSED), powers=frozenset({"clock"}))
    assert await bench.run(instance(needs=["clock"])) == {"as/test/one": "passed"}


@pytest.mark.parametrize(
    "pattern", ["as/test/*", "as/test/one", "as/test/one[auth=none]", "*[auth=none]"]
)
async def test_the_target_file_can_disable_with_a_reason(pattern: str) -> None:
    bench = Bench(answers(REFUSED), disabled={pattern: "it crashes"})
    one = instance(variants={"auth": ["none"]})
    assert await bench.run(one) == {one.id: "not-run"}
    assert "it crashes" in bench.reasons()[one.id]


async def test_a_feature_that_is_not_announced_is_not_applicable() -> None:
    bench = Bench(answers(REFUSED), missing={"as/test/one": "revocation"})
    assert await bench.run(instance()) == {"as/test/one": "not-applicable"}
    assert "revocation" in bench.reasons()["as/test/one"]
    assert not bench.calls


async def test_what_the_profile_does_not_demand_is_not_applicable() -> None:
    bench = Bench(answers(REFUSED), profile=profile(code_single_use=Level.MUST))
    assert await bench.run(instance()) == {"as/test/one": "not-applicable"}
    assert not bench.calls


async def test_the_status_is_the_worst_check() -> None:
    chosen = profile(cimd_redirect_exact_match=Level.MUST, code_single_use=Level.SHOULD)
    one = instance(
        expect=[
            Expect(REQUIREMENT, outcome=["refused"]),
            Expect(OTHER, outcome=["completed"]),
        ]
    )
    bench = Bench(answers(REFUSED), profile=chosen)
    assert await bench.run(one) == {"as/test/one": "warned"}
    assert await Bench(answers(result()), profile=chosen).run(one) == {
        "as/test/one": "failed"
    }


async def test_an_undemanded_gap_does_not_make_a_scenario_inconclusive() -> None:
    one = instance(
        expect=[
            Expect(REQUIREMENT, outcome=["refused"]),
            Expect(OTHER, in_=Message.TOKEN_RESPONSE, at=["x"], present=True),
        ]
    )
    assert await Bench(answers(REFUSED)).run(one) == {"as/test/one": "passed"}


async def test_checks_carry_no_secret_of_the_flow() -> None:
    secret = result(
        messages={Message.TOKEN_RESPONSE: {"access_token": "s3cr3t"}},
        redact=lambda text: text.replace("s3cr3t", "‹access-token-1›"),
    )
    rule = {"in_": Message.TOKEN_RESPONSE, "at": ["access_token"]}
    one = instance(expect=[Expect(REQUIREMENT, equals="s3cr3t", **rule)])
    bench = Bench(answers(secret))
    assert await bench.run(one) == {"as/test/one": "passed"}
    (check,) = [event for event in bench.events if isinstance(event, Check)]
    assert "s3cr3t" not in repr(check)
    assert "‹access-token-1›" in check.actual


# --- the end ------------------------------------------------------------------------


async def _never(_label: str, scenario: Scenario | None) -> FlowResult:
    if scenario is not None and scenario.id.endswith("hangs"):
        await asyncio.Event().wait()
    return result() if scenario is None else REFUSED


async def test_a_target_that_ends_leaves_partial_results() -> None:
    bench = Bench(_never)
    asyncio.get_running_loop().call_later(0.05, bench.exited.set)
    found = await bench.run(instance("quick"), instance("hangs"))
    assert found == {"as/test/quick": "passed", "as/test/hangs": "inconclusive"}
    (exited,) = [event for event in bench.events if isinstance(event, TargetExited)]
    assert (exited.code, exited.last_output) == (9, ["last words"])
    assert "exit code 9" in bench.reasons()["as/test/hangs"]


async def test_a_target_that_ended_is_told_even_when_nothing_was_left() -> None:
    bench = Bench(answers(REFUSED))
    bench.exited.set()
    await bench.run(instance())
    assert any(isinstance(event, TargetExited) for event in bench.events)


async def test_stopping_keeps_what_has_finished() -> None:
    bench = Bench(_never)
    asyncio.get_running_loop().call_later(0.05, bench.stop.set)
    found = await bench.run(instance("quick"), instance("hangs"))
    assert found == {"as/test/quick": "passed"}
    ends = [event for event in bench.events if isinstance(event, ScenarioFinished)]
    assert [end.id for end in ends] == ["as/test/quick"]


async def test_stopping_leaves_no_task_behind() -> None:
    async def play(_label: str, _scenario: Scenario | None) -> FlowResult:
        await asyncio.Event().wait()
        raise AssertionError

    bench = Bench(play)
    asyncio.get_running_loop().call_later(0.05, bench.stop.set)
    assert await bench.run(instance("a"), instance("b")) == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_empty_plan_ends_at_once() -> None:
    assert await Bench(answers(REFUSED)).run() == {}


async def test_what_passed_before_the_control_failed_at_the_end_proves_nothing() -> (
    None
):
    """A target that locks everybody out refuses attacks, too."""
    locked_out = result(Outcome.REFUSED_WITHOUT_REDIRECT, "account locked")
    honest = answers(REFUSED)

    async def play(label: str, changed: Scenario | None) -> FlowResult:
        return locked_out if label.endswith("#end") else await honest(label, changed)

    bench = Bench(play, closing=True)
    assert await bench.run(instance()) == {"as/test/one": "inconclusive"}
    assert "account locked" in bench.reasons()["as/test/one"]


async def test_absence_is_no_evidence_when_the_tap_missed_packets() -> None:
    bench = Bench(answers(REFUSED), lost=3)
    plan = instance(expect=[Expect(REQUIREMENT, untouched=["evil"])])
    assert await bench.run(plan) == {"as/test/one": "inconclusive"}
    assert "missed 3" in bench.reasons()["as/test/one"]


# --- going gently -------------------------------------------------------------------

LIMITED = result(Outcome.RATE_LIMITED, "HTTP 429", retry_after=0.01)


def limited_at_first(*labels: str) -> Play:
    """Play a target that limits the rate of each of these flows once."""
    waiting = {*labels}

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if label in waiting:
            waiting.remove(label)
            return LIMITED
        return result() if scenario is None else REFUSED

    return play


async def test_flows_begin_at_a_pace() -> None:
    moments: list[float] = []

    async def play(_label: str, scenario: Scenario | None) -> FlowResult:
        moments.append(asyncio.get_running_loop().time())
        return result() if scenario is None else REFUSED

    bench = Bench(play, pace=0.02)
    await bench.run(*(instance(str(number)) for number in range(4)))
    assert len(moments) == 5
    assert max(moments) - min(moments) > 0.07


@pytest.mark.parametrize("label", ["as/test/one", CONTROL])
async def test_a_limited_flow_is_tried_once_more(label: str) -> None:
    bench = Bench(limited_at_first(label), retry_after=1.0)
    assert await bench.run(instance()) == {"as/test/one": "passed"}
    assert bench.calls.count(label) == 2


async def test_it_is_not_when_the_target_asks_for_too_much() -> None:
    bench = Bench(limited_at_first("as/test/one"), retry_after=0.001)
    assert await bench.run(instance()) == {"as/test/one": "inconclusive"}
    assert bench.calls.count("as/test/one") == 1


async def test_it_is_not_where_a_limit_is_the_answer() -> None:
    bench = Bench(limited_at_first("as/test/one"), retry_after=1.0)
    expect = Expect(REQUIREMENT, outcome=["rate-limited"])
    assert await bench.run(instance(expect=[expect])) == {"as/test/one": "passed"}
    assert bench.calls.count("as/test/one") == 1


# --- starting again -----------------------------------------------------------------


async def test_a_target_that_ends_is_started_again_for_the_rest() -> None:
    bench: Bench

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if label == "as/test/deadly":
            bench.exited.set()
            await asyncio.sleep(60)
        return result() if scenario is None else REFUSED

    async def restart() -> None:
        bench.exited.clear()

    bench = Bench(play, jobs=1, restart=restart)
    got = await bench.run(instance("deadly"), instance("later"))
    assert got == {"as/test/deadly": "inconclusive", "as/test/later": "passed"}
    assert [one.id for one in bench.controls()] == [CONTROL, f"{CONTROL}+2"]
    assert [e for e in bench.events if isinstance(e, TargetExited)]


async def test_nobody_begins_with_a_target_whose_closing_control_met_its_end() -> None:
    bench: Bench

    async def play(label: str, scenario: Scenario | None) -> FlowResult:
        if label == f"{CONTROL}#as/test/deadly":
            asyncio.get_running_loop().call_later(0.05, bench.exited.set)
            return result(Outcome.NO_ANSWER)
        if label == "as/test/later":
            await asyncio.sleep(0.2)
        return result() if scenario is None else REFUSED

    async def restart() -> None:
        bench.exited.clear()

    bench = Bench(play, jobs=1, restart=restart)
    alone = {"disturbs": True, "isolation": "exclusive"}
    got = await bench.run(instance("deadly", **alone), instance("later", **alone))
    assert got == {"as/test/deadly": "inconclusive", "as/test/later": "passed"}
    assert bench.calls.count("as/test/later") == 1
    assert bench.reasons()["as/test/deadly"].startswith("The target ended")


async def test_a_target_that_never_comes_up_again_ends_the_run() -> None:
    bench: Bench

    async def play(_label: str, scenario: Scenario | None) -> FlowResult:
        if scenario is not None:
            bench.exited.set()
            await asyncio.sleep(60)
        return result()

    async def restart() -> None:
        raise TargetError("not-ready", "It did not become ready.\n  because", "")

    bench = Bench(play, jobs=1, restart=restart)
    await bench.run(instance("deadly"), instance("later"))
    reason = "The target ended, and did not start again: It did not become ready."
    assert bench.reasons()["as/test/later"] == reason


async def test_a_target_that_always_ends_is_given_up() -> None:
    bench: Bench
    starts = 0

    async def play(_label: str, scenario: Scenario | None) -> FlowResult:
        if scenario is not None:
            bench.exited.set()
            await asyncio.sleep(60)
        return result()

    async def restart() -> None:
        nonlocal starts
        starts += 1
        bench.exited.clear()

    bench = Bench(play, jobs=1, restart=restart)
    got = await bench.run(*(instance(str(number)) for number in range(9)))
    assert set(got.values()) == {"inconclusive"}
    assert starts == 5


async def test_an_exclusive_scenario_can_have_a_fresh_target() -> None:
    starts: list[int] = []

    async def restart() -> None:
        starts.append(len(bench.calls))

    bench = Bench(answers(REFUSED), restart=restart, fresh=True)
    plan = [instance("a"), instance("b", isolation="exclusive")]
    plan.append(instance("c", isolation="exclusive", needs=["clock"]))
    got = await bench.run(*plan)
    assert got["as/test/b"] == "passed"
    assert starts == [2]
