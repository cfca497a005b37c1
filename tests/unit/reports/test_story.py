"""Stories: golden ones of each kind, and that every scenario has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cimd_conformance.catalogue import load_catalogue
from cimd_conformance.model import Message, Outcome, Role, Scenario, Verb
from cimd_conformance.reports import story as module
from cimd_conformance.reports.story import story

GOLDEN = Path(__file__).parent / "golden"

TOLD = (
    "as/redirect-uri/unlisted-host",
    "as/refresh/other-client",
    "as/refresh/reuse",
    "as/code/race",
    "as/keys/stale-key",
    "as/metadata/flag",
    "as/flow/public-client",
    "ts/session/other-user",
    "agent/response/mix-up",
    "agent/tokens/other-server",
)


@pytest.fixture(scope="module")
def scenarios() -> dict[str, Scenario]:
    return {each.id: each.scenario for each in load_catalogue().instances}


def test_golden(scenarios: dict[str, Scenario]) -> None:
    file = GOLDEN / "stories.txt"
    found = {key.partition("[")[0]: each for key, each in scenarios.items()}
    shown = "".join(
        f"{name}\n{''.join(f'  {text}{chr(10)}' for text in story(found[name]))}\n"
        for name in TOLD
    )
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(shown, "utf-8")
    assert shown == file.read_text("utf-8")


def test_every_scenario_has_a_story_of_whole_sentences(
    scenarios: dict[str, Scenario],
) -> None:
    for name, scenario in scenarios.items():
        told = story(scenario)
        assert len(told) >= 3, name
        for paragraph in told:
            assert paragraph.rstrip(")").endswith((".", "?", "…")), (name, paragraph)
            assert not paragraph[0].islower(), (name, paragraph)


@pytest.mark.parametrize(
    ("table", "words"), [("_DOES", Verb), ("_ENDS", Outcome), ("_WHO", Role)]
)
def test_every_word_has_its_phrase(table: str, words: type) -> None:
    assert set(words) <= set(getattr(module, table))


def test_names_of_messages_are_no_identifiers() -> None:
    assert Message.AS_METADATA in module._CALLED
