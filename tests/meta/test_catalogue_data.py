"""The catalogue is well-formed: requirements, attacks and profiles as plain data."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

SCENARIOS = Path(__file__).parents[2] / "scenarios"

ROLES = {
    "authorization-server": "authorization-server",
    "protected-resource": "tool-server",
    "client": "agent-host",
    "client-host": "agent-host",
}
TEXT_LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "BCP"}
SEVERITIES = {"critical", "high", "medium", "low"}
LEVELS = ("MAY", "SHOULD", "MUST")  # from weak to strict
PROFILE_IDS = {"cimd-00", "cimd-03", "mcp-2025-11-25", "mcp-2026-07-28", "hardened"}

# Requirements of no profile, each with the reason.
UNLISTED = {
    "iss-future-must": "a forecast, carried by iss-in-response in hardened",
}
# Best practice today, but in capitals in draft -00.
CAPITALS_IN_00 = {"cimd-change-keys-reaction", "cimd-redirect-origin-policy"}

REQUIREMENTS_FILE = SCENARIOS / "_requirements" / "requirements.json"
ATTACKS_FILE = SCENARIOS / "_attacks" / "attacks.json"

Profile = dict[str, Any]


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


REQUIREMENTS: list[dict[str, Any]] = read(REQUIREMENTS_FILE)["requirements"]
ATTACKS: list[dict[str, Any]] = read(ATTACKS_FILE)["attacks"]
BY_ID = {entry["id"]: entry for entry in REQUIREMENTS}
PROFILES: dict[str, Profile] = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((SCENARIOS / "_profiles").glob("*.toml"))
}


def listed(profile: Profile) -> list[str]:
    return [id_ for ids in profile["levels"].values() for id_ in ids]


def resolve(name: str, above: tuple[str, ...] = ()) -> tuple[dict[str, str], set[str]]:
    """Levels and conflicts of a profile with everything it includes."""
    assert name not in above, f"profile cycle: {' -> '.join((*above, name))}"
    profile = PROFILES[name]
    levels: dict[str, str] = {}
    conflicts: set[str] = set()
    for included in profile["includes"]:
        below, disputed = resolve(included, (*above, name))
        conflicts |= disputed
        for id_, level in below.items():
            levels[id_] = max(levels.get(id_, "MAY"), level, key=LEVELS.index)
    own = {id_: level for level, ids in profile["levels"].items() for id_ in ids}
    return levels | own, (conflicts - own.keys()) | profile["conflicts"].keys()


@pytest.mark.parametrize(
    ("path", "key", "count"),
    [
        (REQUIREMENTS_FILE, "requirements", 403),
        (ATTACKS_FILE, "attacks", 335),
    ],
)
def test_entries_are_complete_unique_and_sorted(path: Path, key: str, count: int):
    data = read(path)
    ids = [entry["id"] for entry in data[key]]
    assert data["schema"] == 1
    assert len(ids) == count
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id_) for id_ in ids)


@pytest.mark.parametrize(
    ("path", "entries"), [(REQUIREMENTS_FILE, REQUIREMENTS), (ATTACKS_FILE, ATTACKS)]
)
def test_one_entry_per_line(path: Path, entries: list[dict[str, Any]]):
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith('    {"id": ')]
    assert [json.loads(line.removesuffix(",")) for line in found] == entries


@pytest.mark.parametrize("entry", REQUIREMENTS, ids=lambda entry: entry["id"])
def test_requirement_has_known_values(entry: dict[str, Any]):
    assert entry["role"] == ROLES[entry["actor"]]
    assert entry["level"] in TEXT_LEVELS
    assert entry["priority"] in {"P1", "P2", "P3"}
    assert entry["polarity"] in {"positive", "negative", "positive+negative"}
    assert {"send", "expect"} <= entry["observable"].keys()
    assert entry["observable"].keys() <= {"send", "expect", "error"}
    assert entry["source"]
    assert entry["since"]
    assert entry["requirement"].endswith(".")
    assert set(entry.get("also_see", [])) <= BY_ID.keys()


def test_attacks_have_known_values():
    for entry in ATTACKS:
        assert entry["role"] in ROLES.values(), entry["id"]
        assert entry["severity"] in SEVERITIES, entry["id"]
        assert entry["title"], entry["id"]
        assert entry["secure_behaviour"], entry["id"]
        assert entry["refs"], entry["id"]


def test_security_core_and_server_requirements_say_how_to_fix():
    needed = {
        id_
        for id_, entry in BY_ID.items()
        if entry["priority"] == "P1"
        or (entry["role"] == "authorization-server" and entry["priority"] == "P2")
    }
    assert {id_ for id_ in needed if not BY_ID[id_].get("fix")} == set()


def test_fixes_are_short_sentences_and_not_copies():
    fixes = [entry["fix"] for entry in REQUIREMENTS if "fix" in entry]
    assert [fix for fix in fixes if len(fix) > 160 or not fix.endswith(".")] == []
    assert len(fixes) == len(set(fixes))


def test_every_requirement_is_in_a_profile_or_has_a_reason():
    used = {id_ for profile in PROFILES.values() for id_ in listed(profile)}
    assert BY_ID.keys() - used == UNLISTED.keys()
    assert all(UNLISTED.values())


def test_profiles_are_the_five():
    assert PROFILES.keys() == PROFILE_IDS


@pytest.mark.parametrize("name", sorted(PROFILES))
class TestProfile:
    def test_has_exactly_the_known_keys(self, name: str):
        profile = PROFILES[name]
        assert profile["id"] == name
        assert profile["title"]
        assert profile["source"]
        assert profile.keys() == {
            "id",
            "title",
            "source",
            "includes",
            "levels",
            "conflicts",
        }
        assert profile["levels"].keys() == set(LEVELS)

    def test_lists_known_ids_once_and_sorted(self, name: str):
        profile = PROFILES[name]
        ids = listed(profile)
        assert set(ids) - BY_ID.keys() == set()
        assert sorted(ids) == sorted(set(ids)), "an id stands at two levels"
        for level in profile["levels"].values():
            assert level == sorted(level)

    def test_includes_known_profiles_without_a_cycle(self, name: str):
        assert set(PROFILES[name]["includes"]) <= PROFILES.keys()
        levels, _ = resolve(name)
        assert set(listed(PROFILES[name])) <= levels.keys()

    def test_best_practice_is_in_hardened_only(self, name: str):
        if name == "hardened":
            return
        found = {i for i in listed(PROFILES[name]) if BY_ID[i]["level"] == "BCP"}
        assert found == (CAPITALS_IN_00 if name == "cimd-00" else set())

    def test_conflicts_are_sentences_about_requirements_of_the_profile(self, name: str):
        levels, _ = resolve(name)
        for id_, sentence in PROFILES[name]["conflicts"].items():
            assert id_ in levels
            assert sentence.endswith(".")
            assert "the report" in sentence

    def test_a_requirement_wholly_in_conflict_cannot_fail(self, name: str):
        levels, disputed = resolve(name)
        sentences = {
            id_: sentence
            for profile in PROFILES.values()
            for id_, sentence in profile["conflicts"].items()
        }
        for id_ in disputed:
            if not sentences[id_].startswith("Only "):
                assert levels[id_] == "MAY", id_


def test_a_conflict_reads_the_same_in_every_profile():
    seen: dict[str, str] = {}
    for profile in PROFILES.values():
        for id_, sentence in profile["conflicts"].items():
            assert seen.setdefault(id_, sentence) == sentence


def test_hardened_never_asks_for_less_than_a_text_without_conflict():
    levels, _ = resolve("hardened")
    below: dict[str, str] = {}
    for included in PROFILES["hardened"]["includes"]:
        for id_, level in resolve(included)[0].items():
            below[id_] = max(below.get(id_, "MAY"), level, key=LEVELS.index)
    weaker = {
        id_
        for id_, level in below.items()
        if LEVELS.index(levels[id_]) < LEVELS.index(level)
    }
    assert weaker == set()
