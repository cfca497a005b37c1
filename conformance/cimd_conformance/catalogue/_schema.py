"""The JSON Schemas of the files that people write, made from the types.

They are shipped as `scenarios/*.schema.json`, for editors and for other tools; a test
keeps them as the types say.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cimd_conformance.catalogue import _rules
from cimd_conformance.model import ACTORS, OUTCOME_SETS, Outcome, Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_schema(kind: type, name: str, title: str) -> dict[str, Any]:
    """Return the schema of one kind of file, its root inlined for editors."""
    schema = msgspec.json.schema(kind)
    definitions: dict[str, Any] = schema["$defs"]
    root = definitions.pop(schema["$ref"].rpartition("/")[2])
    head = {
        "$schema": DIALECT,
        "$id": f"urn:cimd-conformance:schema:{name}:1",
        **root,
        "title": title,
    }
    return {**head, "$defs": dict(sorted(definitions.items()))}


def scenario_schema() -> dict[str, Any]:
    """Return the schema of a scenario file, with every closed set of words in it."""
    title = "A scenario of cimd-conformance"
    schema = file_schema(Scenario, "scenario", title)
    top = schema["properties"]
    top["flow"]["enum"] = list(_rules.FLOWS)
    top["isolation"]["enum"] = list(_rules.ISOLATION)
    top["needs"]["items"]["enum"] = list(_rules.POWERS)
    top["features"]["items"]["enum"] = list(_rules.FEATURES)
    top["without"]["items"]["enum"] = list(_rules.ACCOMMODATIONS)
    top["variants"]["propertyNames"] = {"enum": list(_rules.VARIANTS)}
    top["expect"]["minItems"] = 1
    outcomes = [outcome.value for outcome in Outcome]
    items = schema["$defs"]["Expect"]["properties"]["outcome"]["items"]
    items["anyOf"] = [{"enum": [*OUTCOME_SETS, *outcomes]}, {"pattern": r"^\{case\."}]
    schema["$defs"]["Step"]["properties"]["as"]["enum"] = list(ACTORS)
    return schema
