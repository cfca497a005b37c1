"""The shipped JSON Schemas are those of the types, and every shipped file keeps them.

`CIMD_UPDATE=1` writes them anew.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cimd_conformance.catalogue import catalogue_dir, scenario_schema
from cimd_conformance.target import target_schema

ROOT = Path(__file__).parents[3]
SCENARIOS = ROOT / "scenarios"
KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "scenario": scenario_schema,
    "target": target_schema,
}
SCENARIO_FILES = sorted(
    file
    for file in SCENARIOS.rglob("*.toml")
    if not file.relative_to(SCENARIOS).parts[0].startswith("_")
)
TARGET_FILES = sorted((ROOT / "examples").rglob("target*.toml"))


def schema_file(kind: str) -> Path:
    return SCENARIOS / f"{kind}.schema.json"


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_schema_is_that_of_the_types(kind: str) -> None:
    text = json.dumps(KINDS[kind](), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("CIMD_UPDATE") == "1":
        schema_file(kind).write_text(text, "utf-8")
    assert schema_file(kind).read_text("utf-8") == text, "run with CIMD_UPDATE=1"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    assert (catalogue_dir() / f"{kind}.schema.json").is_file()


def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema_file(kind).read_bytes()))


def errors(kind: str, text: str) -> list[str]:
    return [error.message for error in validator(kind).iter_errors(tomllib.loads(text))]


def test_every_scenario_file_is_valid() -> None:
    assert len(SCENARIO_FILES) > 50
    found = {str(f): errors("scenario", f.read_text("utf-8")) for f in SCENARIO_FILES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_example_target_is_valid() -> None:
    assert TARGET_FILES
    found = {str(f): errors("target", f.read_text("utf-8")) for f in TARGET_FILES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("scenario", 'severity = "', 'severity = "very '),
        ("scenario", "title =", "titel ="),
        ("scenario", 'flow = "', 'flow = "no-'),
        ("scenario", "outcome = [", 'outcome = ["no", '),
        ("target", "schema = 1", "schema = 2"),
        ("target", 'shown_by = "call"', 'shown_by = "magic"'),
        ("target", "jobs = 8", "jobs = 0"),
        ("target", 'what = "', 'what = "no-'),
        ("target", "start =", "begin ="),
    ],
)
def test_the_schemas_refuse(kind: str, old: str, new: str) -> None:
    name = "authorization-server/redirect-uri/unlisted-host.toml"
    target = ROOT / "examples" / "targets" / "fastmcp-oauth-proxy" / "target.toml"
    file = SCENARIOS / name if kind == "scenario" else target
    text = file.read_text("utf-8")
    assert old in text
    assert errors(kind, text.replace(old, new, 1))
