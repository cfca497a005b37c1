"""The JSON Schema of `target.toml`, for editors and for other tools."""

from __future__ import annotations

from typing import Any

from cimd_conformance.catalogue import file_schema
from cimd_conformance.target._load import LIMITS, WORDS
from cimd_conformance.target._model import ACCOMMODATIONS, TargetFile


def target_schema() -> dict[str, Any]:
    """Return the schema, with every closed set of words and every bound in it."""
    title = "A target of cimd-conformance (target.toml)"
    schema = file_schema(TargetFile, "target", title)
    definitions = schema["$defs"]
    schema["properties"]["schema"]["const"] = 1
    for (table, key), words in WORDS.items():
        definitions[table.capitalize()]["properties"][key]["enum"] = list(words)
    for (table, key), (lowest, highest) in LIMITS.items():
        bounds = {"minimum": lowest, "maximum": highest}
        definitions[table.capitalize()]["properties"][key].update(bounds)
    what = definitions["Accommodation"]["properties"]["what"]
    what["enum"] = list(ACCOMMODATIONS)
    return schema
