"""`python -m cimd_conformance.reports.schemas`: write the schemas from the types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from cimd_conformance.model import AnyEvent
from cimd_conformance.reports._types import ListDocument, ResultDocument
from cimd_conformance.reports.doctor import DoctorDocument

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[str, tuple[Any, str]] = {
    "result": (ResultDocument, "The results of a run (`--json`)"),
    "event": (AnyEvent, "One line of the event stream of a run (`--ndjson`)"),
    "doctor": (DoctorDocument, "The findings of a preflight (`doctor --json`)"),
    "list": (ListDocument, "The scenarios of the catalogue (`list --json`)"),
}


def generate(name: str) -> str:
    """Return the text of a schema, as the types say it is."""
    kind, title = _TYPES[name]
    schema = msgspec.json.schema(kind)
    head = {
        "$schema": _DIALECT,
        "$id": f"urn:cimd-conformance:schema:{name}:1",
        "title": title,
    }
    return json.dumps(head | schema, indent=2) + "\n"


def main() -> None:
    """Write all schemas beside this module."""
    for name in _TYPES:
        path = Path(__file__).parent / f"{name}.schema.json"
        path.write_text(generate(name), "utf-8")


if __name__ == "__main__":
    main()
