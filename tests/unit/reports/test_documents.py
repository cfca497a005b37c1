"""JSON, NDJSON, the list, and their schemas."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_samples import UNLISTED, footer, header, plan, whole_run

from cimd_conformance.model import AnyEvent, ConfigError, encode_event
from cimd_conformance.reports import Keep, Report
from cimd_conformance.reports.document import JsonWriter, result_of
from cimd_conformance.reports.listing import write_list
from cimd_conformance.reports.ndjson import NdjsonWriter
from cimd_conformance.reports.schemas import NAMES, load_schema
from cimd_conformance.reports.schemas.__main__ import generate

GOLDEN = Path(__file__).parent / "golden"


def _validate(name: str, instance: object) -> None:
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(instance)


def _feed(writer: JsonWriter | NdjsonWriter, events: list[AnyEvent]) -> None:
    for event in events:
        writer.event(event)
    writer.finish()


def _document(folder: Path, *, everything: bool = False) -> dict[str, Any]:
    file = folder / "report.json"
    _feed(JsonWriter(str(file), everything=everything), whole_run())
    document: dict[str, Any] = json.loads(file.read_bytes())
    return document


def _compare(name: str, content: bytes) -> None:
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_bytes(content)
    assert content == file.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_schemas_are_those_of_the_types(name: str) -> None:
    """When this fails: `python -m cimd_conformance.reports.schemas`, and review."""
    assert json.loads(generate(name)) == load_schema(name)


def test_json_is_golden_and_keeps_its_schema(tmp_path: Path) -> None:
    document = _document(tmp_path)
    _validate("result", document)
    _compare("result.json", (tmp_path / "report.json").read_bytes())


def test_evidence_of_what_passed_is_kept_only_when_asked(tmp_path: Path) -> None:
    for everything in (False, True):
        document = _document(tmp_path, everything=everything)
        _validate("result", document)
        passed, failed = document["scenarios"][:2]
        assert (passed["evidence"] is not None) is everything
        numbers = [each["number"] for each in failed["evidence"]["exchanges"]]
        assert numbers == [4]
        assert failed["evidence"]["contacts"][0]["depth"] == "http"


def test_an_unfinished_scenario_was_not_run(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    _feed(JsonWriter(str(file)), [header(), footer()])
    document = json.loads(file.read_bytes())
    assert {each["status"] for each in document["scenarios"]} == {"not-run"}
    assert all(each["reason"] for each in document["scenarios"])


def test_a_document_needs_header_and_footer() -> None:
    report = Report(Keep.ALL)
    report.add(header())
    with pytest.raises(ValueError, match="footer"):
        result_of(report)


def test_every_event_keeps_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    _feed(NdjsonWriter(str(file)), whole_run())
    lines = file.read_bytes().splitlines()
    for line in lines:
        _validate("event", json.loads(line))
    assert lines == [encode_event(event) for event in whole_run()]
    _compare("events.ndjson", file.read_bytes())


def test_the_list_keeps_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    write_list(plan(), "0.1.0", str(file))
    document = json.loads(file.read_bytes())
    _validate("list", document)
    assert document["scenarios"][1]["id"] == UNLISTED
    assert document["scenarios"][0]["needs"] == []
    _compare("list.json", file.read_bytes())


@pytest.mark.parametrize("bad", ["{}", '{"event":"check"}', "[]", '{"event":"x"}'])
def test_the_event_schema_refuses_what_is_no_event(bad: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        _validate("event", json.loads(bad))


def test_documents_go_to_stdout(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _feed(JsonWriter("-"), whole_run())
    assert json.loads(capfdbinary.readouterr().out)["exit_code"] == 4
    _feed(NdjsonWriter("-"), whole_run())
    assert len(capfdbinary.readouterr().out.splitlines()) == len(whole_run())


def test_a_report_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    file.chmod(0o600)
    _document(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_a_link_to_a_report_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "report.json").symlink_to("real.json")
    _document(tmp_path)
    assert (tmp_path / "report.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_bytes())["seed"] == 7


@pytest.mark.parametrize("writer", [JsonWriter, NdjsonWriter])
@pytest.mark.parametrize("name", ["", "missing/report.json"])
def test_an_unwritable_place_is_refused_before_the_run(
    tmp_path: Path, writer: type[JsonWriter | NdjsonWriter], name: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        writer(str(tmp_path / name))
    assert caught.value.code == "report-not-writable"


def test_a_device_can_take_a_report() -> None:
    _feed(JsonWriter(os.devnull), whole_run())
    _feed(NdjsonWriter(os.devnull), whole_run())
