"""Failures are grouped by their cause: the clause and what was seen."""

from __future__ import annotations

import io

import msgspec
import pytest
from report_samples import check, header
from rich.console import Console

from cimd_conformance.model import (
    AnyEvent,
    Level,
    PlannedInstance,
    Role,
    RunFinished,
    ScenarioFinished,
    Severity,
    Status,
)
from cimd_conformance.reports import Report
from cimd_conformance.reports._causes import Cause, causes, shape
from cimd_conformance.reports.console import ConsoleWriter, Volume


@pytest.mark.parametrize(
    ("actual", "shown"),
    [
        ("completed: the access token works", "completed"),
        ("completed: last seen: mcp; the tool was called", "completed"),
        ("evil was reached: tls a.example 192.0.2.1 443; completed: x", "completed"),
        ("refused-at-token: HTTP 400 invalid_grant", "refused-at-token"),
        ("inside was reached: http 10.0.0.1 80", "was reached"),
        (
            "inside was reached, and asked nothing: tcp 10.0.0.1 80",
            "was reached, and asked nothing",
        ),
        ("b was reached: http x; a was not reached", "was not reached; was reached"),
        ('prm.document.resource is "https://x.example/"', "prm.document.resource"),
        ("jwks.keys is absent", "jwks.keys"),
        ("6144 bytes of https://a.example/x for ‹code-3›", "… bytes of … for …"),
        ("as expected", "as expected"),
    ],
)
def test_what_is_the_same_in_many_scenarios(actual: str, shown: str) -> None:
    assert shape(actual) == shown


class Run:
    """A run that is put together one result at a time."""

    def __init__(self) -> None:
        self.plan: list[PlannedInstance] = []
        self.events: list[AnyEvent] = []

    def failed(self, name: str, severity: str = "low", **more: object) -> Run:
        change = more.pop("change", [])
        planned = PlannedInstance(
            name, f"Title of {name}", Role.AUTHORIZATION_SERVER, Severity(severity)
        )
        fields = {name: getattr(planned, name) for name in planned.__struct_fields__}
        self.plan.append(PlannedInstance(**{**fields, "change": change}))
        self.events.append(check(name, Status.FAILED, **more))
        self.events.append(ScenarioFinished(1.0, name, Status.FAILED))
        return self

    def all(self) -> list[AnyEvent]:

        started = msgspec.structs.replace(header(), plan=self.plan)
        counts = {"failed": len(self.plan)}
        return [started, *self.events, RunFinished(2.0, "failed", 1, counts, 2.0)]

    def causes(self) -> list[Cause]:
        report = Report()
        for event in self.all():
            report.add(event)
        return causes(report.by_status(Status.FAILED))

    def names(self) -> list[list[str]]:
        return [[each.planned.id for each in c.members] for c in self.causes()]


def test_the_clause_and_what_was_seen_make_a_cause() -> None:
    run = Run().failed("a", actual="completed: x").failed("b", actual="completed: y")
    run.failed("c", actual="refused-at-token: z").failed("d", requirement="other")
    assert run.names() == [["a", "b"], ["c"], ["d"]]


def test_the_worst_causes_come_first_then_the_largest() -> None:
    run = Run().failed("low", requirement="r1").failed("one", "high", requirement="r2")
    run.failed("two-a", "high", requirement="r3")
    run.failed("two-b", "medium", requirement="r3")
    assert run.names() == [["two-a", "two-b"], ["one"], ["low"]]


def test_the_example_is_the_worst_and_the_plainest() -> None:
    run = Run().failed("medium", "medium").failed("two", "high", change=["x", "y"])
    run.failed("one", "high", change=["x"])
    run.failed("reached", "high", change=["x", "y"], illegal=["untouched"])
    assert run.names() == [["reached", "one", "two", "medium"]]


def test_several_broken_clauses_are_another_cause() -> None:
    run = Run().failed("a").failed("b")
    run.events.append(check("b", Status.FAILED, requirement="second"))
    assert run.names() == [["a"], ["b"]]


def render(run: Run, volume: Volume = Volume.NORMAL) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=80, highlight=False, markup=False)
    writer = ConsoleWriter(console, volume=volume, replay="cimd-conformance demo")
    for event in run.all():
        writer.event(event)
    writer.finish()
    return stream.getvalue()


def thirty() -> Run:
    """Return a run with thirty failures of two causes."""
    run = Run().failed("other", "high", requirement="other")
    for number in range(29):
        change = [f'token_request redirect_uri = "https://{"x" * 80}/{number}"']
        run.failed(f"as/redirect-uri/near-miss[case-{number}]", change=change)
    return run


def test_thirty_failures_are_two_causes() -> None:
    shown = render(thirty())
    assert "failed (30, 2 causes) -" in shown
    assert shown.count("   clause    ") == 2
    assert "   also      28 more, the same clause and answer:\n" in shown
    assert "             … and 8 more; --verbose names them all\n" in shown
    line = "             as/redirect-uri/near-miss[case-1]  low  token_request redirect"
    assert line in shown
    alone = ("   replay", "failed")
    assert all(
        len(line) <= 80 for line in shown.splitlines() if not line.startswith(alone)
    )


def test_verbose_names_every_one() -> None:
    shown = render(thirty(), Volume.VERBOSE)
    listed = shown.partition("failed (30, 2 causes)")[2]
    for number in range(29):
        assert f"near-miss[case-{number}]" in listed
    assert "--verbose" not in shown


def test_one_failure_is_shown_as_it_is() -> None:
    shown = render(Run().failed("a"))
    assert "failed (1) ---" in shown
    assert "also" not in shown


def test_one_cause_is_called_one() -> None:
    assert "failed (2, one cause) ---" in render(Run().failed("a").failed("b"))


def test_a_warning_is_no_failure_of_the_same_cause() -> None:
    run = Run().failed("a")
    run.events.append(check("a", Status.WARNED, level=Level.SHOULD, requirement="s"))
    assert run.names() == [["a"]]
