"""What `show` says of a scenario, as lines of plain text."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cimd_conformance.cli._main import PROGRAM
from cimd_conformance.model import Expect, Job, Level, Place, Step, Turn

if TYPE_CHECKING:
    from cimd_conformance.catalogue import Instance

_WIDTH = 80


def explain(instances: list[Instance]) -> Iterator[str]:
    """Yield the lines that explain a scenario by its (selected) instances."""
    from cimd_conformance.reports.story import story  # noqa: PLC0415 - slow

    first = instances[0]
    scenario, planned = first.scenario, first.planned()
    yield scenario.id if len(instances) > 1 else first.id
    yield from _wrapped(planned.title, "  ")
    yield ""
    yield from _facts(first)
    yield ""
    yield "Story"
    for paragraph in story(scenario):
        yield from _wrapped(paragraph, "  ")
    yield from _section("Places", [_place(place) for place in scenario.place])
    yield from _section("Steps", [_step(step) for step in scenario.step])
    yield from _section("The change", planned.change)
    yield from _expectations(scenario.expect)
    yield from _flaws(first)
    if len(instances) > 1:
        yield from _section("Instances", [each.id for each in instances])


def _facts(first: Instance) -> Iterator[str]:
    scenario = first.scenario
    yield f"role      {scenario.role.value}"
    yield f"severity  {scenario.severity.value}"
    yield f"flow      {scenario.flow}"
    if scenario.control:
        yield f"control   {first.control}"
    for name, values in (
        ("needs", scenario.needs),
        ("features", scenario.features),
        ("attacks", scenario.attacks),
    ):
        if values:
            yield from _wrapped(", ".join(values), f"{name:<10}", " " * 10)
    if scenario.isolation != "concurrent":
        yield f"isolation {scenario.isolation}"
    yield f"file      {first.file}"


def _section(title: str, paragraphs: list[str]) -> Iterator[str]:
    if not paragraphs:
        return
    yield ""
    yield title
    for paragraph in paragraphs:
        yield from _wrapped(paragraph, "  ", "    ")


def _flaws(first: Instance) -> Iterator[str]:
    """Yield the mistakes that the scenario is there for, and how to see one."""
    from cimd_conformance.prove import known_flaws  # noqa: PLC0415 - slow

    if not first.scenario.flaws:
        return
    yield ""
    yield "Flaws"
    known = known_flaws()
    for flaw in first.scenario.flaws:
        title = known[flaw].title if flaw in known else "(there is no such flaw)"
        yield from _wrapped(f"{flaw}: {title}", "  ", "    ")
    words = [PROGRAM, "show", first.id, "--flaw", first.scenario.flaws[0]]
    yield f"  see it fail: {shlex.join(words)}"


def _expectations(expects: list[Expect]) -> Iterator[str]:
    from cimd_conformance.catalogue import (  # noqa: PLC0415 - slow
        load_profile,
        load_requirements,
    )

    requirements = load_requirements()
    profile = load_profile(Job().profile)
    yield ""
    yield "Expected"
    for expect in expects:
        for line in _demands(expect):
            yield from _wrapped(line, "  ", "    ")
        if profile.levels.get(expect.requirement) in (None, Level.MAY):
            note = f"cannot fail in the profile {profile.id}: it does not demand this"
            yield from _wrapped(note, "    note   ")
        clause = requirements.get(expect.requirement)
        if clause is None:
            yield f"    clause {expect.requirement}"
            continue
        text = f"{clause.id} ({clause.level}, {clause.source}): {clause.requirement}"
        yield from _wrapped(text, "    clause ", "           ")
        if clause.fix:
            yield from _wrapped(clause.fix, "    fix    ", "           ")


def _demands(expect: Expect) -> Iterator[str]:
    """Yield what an expectation asks for, in words."""
    from cimd_conformance.reports.story import demands  # noqa: PLC0415 - slow

    when = f"after step {expect.step}: " if expect.step else ""
    if expect.outcome:
        yield when + "outcome " + " or ".join(str(each) for each in expect.outcome)
    if expect.untouched:
        yield when + "never reached: " + ", ".join(expect.untouched)
    if expect.unasked:
        yield when + "gets no request: " + ", ".join(expect.unasked)
    if expect.touched:
        yield when + "reached: " + ", ".join(expect.touched)
    for demand in demands(expect):
        yield when + demand


def _place(place: Place) -> str:
    words = [place.name]
    if place.called:
        words.append(f"called {place.called}")
    if place.beside:
        words.append(f"at the address of {place.beside}")
    if place.address:
        words.append(f"at {place.address}")
    if not place.host:
        words.append("without a name")
    if isinstance(place.answers, str):
        words.append(f"resolving to {place.answers}")
    elif place.answers:
        then = "; after a fetch " if place.turn == Turn.FETCH else "; then "
        answers = then.join(", ".join(each) for each in place.answers)
        words.append(f"resolving to {answers}")
    if place.aliases:
        words.append(f"behind {place.aliases} CNAMEs")
    if place.dns:
        words.append(f"whose DNS is {place.dns}")
    return " ".join(words)


def _step(step: Step) -> str:
    from cimd_conformance.reports.story import shown  # noqa: PLC0415 - slow

    words = [step.do.value]
    if step.name:
        words.insert(0, f"{step.name}:")
    if step.as_ != "client":
        words.append(f"as {step.as_}")
    if step.with_:
        words.append(f"with {shown(step.with_)}")
    return " ".join(words)


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
