"""Reading results back: the JSON document, or the NDJSON stream that says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from cimd_conformance.model import ConfigError
from cimd_conformance.reports._report import Keep, Report
from cimd_conformance.reports._types import RESULT_SCHEMA, ResultDocument, ScenarioEntry
from cimd_conformance.reports.document import result_of
from cimd_conformance.reports.ndjson import check_stream

__all__ = ["ResultDocument", "ScenarioEntry", "read_result"]

_ADVICE = "Give a file that `--json` or `--ndjson` of demo or run has written."


def read_result(path: Path) -> ResultDocument:
    """Return the results of a run.

    Raises `ConfigError` that says what is wrong with the file: it is not there, is
    something else, is cut short, or of another version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror or error}") from error
    if not content.strip():
        raise _bad(path, "is empty")
    head = _parsed(content.lstrip().split(b"\n", 1)[0])
    if isinstance(head, dict) and "event" in head:
        report = Report(Keep.NOTHING)
        for event in check_stream(content.splitlines(keepends=True), str(path)):
            report.add(event)
        return result_of(report)
    return _document(path, content)


def _document(path: Path, content: bytes) -> ResultDocument:
    found = _parsed(content)
    if not isinstance(found, dict):
        what = "is cut short" if content.lstrip()[:1] == b"{" else "is not JSON"
        raise _bad(path, what)
    schema = found.get("schema")
    if schema != RESULT_SCHEMA:
        says = f"says {schema!r}" if schema is not None else "says nothing about itself"
        raise _bad(path, f"is not a result of version 1: it {says}")
    try:
        return msgspec.convert(found, ResultDocument)
    except msgspec.ValidationError as error:
        raise _bad(path, f"is not a whole result: {error}") from error


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _bad(path: Path, what: str) -> ConfigError:
    return ConfigError("result-unreadable", f"{str(path)!r} {what}.", _ADVICE)
