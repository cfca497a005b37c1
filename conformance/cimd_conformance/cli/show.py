"""`show`: one scenario as text."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from cimd_conformance.cli._select import unknown_id
from cimd_conformance.model import Expect, Job, Level, Place, Step, matches

if TYPE_CHECKING:
    from cimd_conformance.catalogue import Instance

_EPILOG = """\b
Examples:
  cimd-conformance show as/redirect-uri/unlisted-host
  cimd-conformance show 'as/flow/refresh[auth=private_key_jwt]'
"""

_WIDTH = 80


@click.command(epilog=_EPILOG)
@click.argument("scenario_id", metavar="ID")
def command(scenario_id: str) -> None:
    """Explain one scenario: its reason, its change, its answer.

    ID is the id of a scenario, or of one instance of it.
    """
    from cimd_conformance.catalogue import load_catalogue  # noqa: PLC0415 - slow

    instances = load_catalogue().instances
    found = [each for each in instances if each.id == scenario_id]
    found = found or [each for each in instances if each.scenario.id == scenario_id]
    if not found:
        globbed = [each for each in instances if matches(each.id, scenario_id)]
        if len({each.scenario.id for each in globbed}) != 1:
            known = [name for each in instances for name in (each.id, each.scenario.id)]
            raise unknown_id(scenario_id, known)
        found = globbed
    click.echo("\n".join(explain(found)))


def explain(instances: list[Instance]) -> Iterator[str]:
    """Yield the lines that explain a scenario by its (selected) instances."""
    first = instances[0]
    scenario, planned = first.scenario, first.planned()
    yield scenario.id if len(instances) > 1 else first.id
    yield from _wrapped(planned.title, "  ")
    yield ""
    yield f"role      {planned.role.value}"
    yield f"severity  {planned.severity.value}"
    yield f"flow      {scenario.flow}"
    if scenario.control:
        yield f"control   {first.control}"
    for name, values in (
        ("needs", scenario.needs),
        ("features", scenario.features),
        ("attacks", scenario.attacks),
        ("flaws", scenario.flaws),
    ):
        if values:
            yield from _wrapped(", ".join(values), f"{name:<10}", " " * 10)
    if scenario.isolation != "concurrent":
        yield f"isolation {scenario.isolation}"
    yield f"file      {first.file}"
    yield from _section("Why", [scenario.why] if scenario.why else [])
    yield from _section("Places", [_place(place) for place in scenario.place])
    yield from _section("Steps", [_step(step) for step in scenario.step])
    yield from _section("The change", planned.change)
    yield from _expectations(scenario.expect)
    if len(instances) > 1:
        yield from _section("Instances", [each.id for each in instances])


def _section(title: str, paragraphs: list[str]) -> Iterator[str]:
    if not paragraphs:
        return
    yield ""
    yield title
    for paragraph in paragraphs:
        yield from _wrapped(paragraph, "  ", "  " if title == "Why" else "    ")


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
    when = f"after step {expect.step}: " if expect.step else ""
    if expect.outcome:
        yield when + "outcome " + " or ".join(str(each) for each in expect.outcome)
    if expect.untouched:
        yield when + "never reached: " + ", ".join(expect.untouched)
    if expect.touched:
        yield when + "reached: " + ", ".join(expect.touched)
    if expect.in_ is None:
        return
    path = ".".join(str(each) for each in expect.at)
    part = f"{when}{expect.in_.value} {path}".rstrip()
    if expect.equals is not None:
        yield f"{part} is {_shown(expect.equals)}"
    if expect.one_of:
        yield f"{part} is one of {', '.join(_shown(each) for each in expect.one_of)}"
    if expect.contains is not None:
        yield f"{part} contains {_shown(expect.contains)}"
    if expect.lacks is not None:
        yield f"{part} does not contain {_shown(expect.lacks)}"
    if expect.absent:
        yield f"{part} is not there"
    if expect.present:
        yield f"{part} is there"


def _place(place: Place) -> str:
    words = [place.name]
    if place.address:
        words.append(f"at {place.address}")
    if not place.host:
        words.append("without a name")
    if place.answers:
        answers = "; then ".join(", ".join(each) for each in place.answers)
        words.append(f"resolving to {answers}")
    return " ".join(words)


def _step(step: Step) -> str:
    words = [step.do.value]
    if step.name:
        words.insert(0, f"{step.name}:")
    if step.as_ != "client":
        words.append(f"as {step.as_}")
    if step.with_:
        words.append(f"with {_shown(step.with_)}")
    return " ".join(words)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
