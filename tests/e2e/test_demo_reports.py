"""`demo` with the real engine: the documents keep their schemas and agree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema

from cimd_conformance.model import RunFinished, RunStarted
from cimd_conformance.reports.ndjson import read_ndjson
from cimd_conformance.reports.schemas import load_schema


def test_the_reports_of_a_demo_agree(tmp_path: Path) -> None:
    names = ("json", "ndjson", "junit")
    files = {name: tmp_path / f"report.{name}" for name in names}
    options = [
        word for name, file in files.items() for word in (f"--{name}", str(file))
    ]
    done = subprocess.run(
        [sys.executable, "-m", "cimd_conformance", "demo", "-v", *options],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stderr == ""
    document = json.loads(files["json"].read_bytes())
    jsonschema.validate(document, load_schema("result"))
    assert document["exit_code"] == done.returncode

    validator = jsonschema.Draft202012Validator(load_schema("event"))
    for line in files["ndjson"].read_bytes().splitlines():
        validator.validate(json.loads(line))
    events = read_ndjson(files["ndjson"])
    started, finished = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    planned = [each.id for each in started.plan]
    assert [each["id"] for each in document["scenarios"]] == planned
    assert document["counts"] == finished.counts
    assert sum(finished.counts.values()) == len(planned)
    assert f"exit {done.returncode}" in done.stdout
    cases = list(ET.parse(files["junit"]).iter("testcase"))
    assert [case.attrib["name"] for case in cases] == planned
    assert not any(case.find("failure") is not None for case in cases)
