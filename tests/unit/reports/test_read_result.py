"""Results are read back from both formats, and a bad file is named as what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_samples import UNLISTED, whole_run

from cimd_conformance.model import ConfigError, Status, encode_event
from cimd_conformance.reports.document import JsonWriter
from cimd_conformance.reports.ndjson import NdjsonWriter
from cimd_conformance.reports.result import read_result


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Write the sample run as JSON."""
    file = tmp_path / "result.json"
    writer = JsonWriter(str(file))
    for event in whole_run():
        writer.event(event)
    writer.finish()
    return file


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Write the sample run as NDJSON."""
    file = tmp_path / "result.ndjson"
    writer = NdjsonWriter(str(file))
    for event in whole_run():
        writer.event(event)
    writer.finish()
    return file


def test_both_formats_say_the_same(document: Path, stream: Path) -> None:
    results = [read_result(document), read_result(stream)]
    for result in results:
        assert (result.seed, result.profile, result.network) == (
            7,
            "hardened",
            "embedded",
        )
        found = {each.id: each.status for each in result.scenarios}
        assert found[UNLISTED] is Status.FAILED
    assert [each.checks for each in results[0].scenarios] == [
        each.checks for each in results[1].scenarios
    ]


def test_a_result_without_the_newer_members_is_read(document: Path) -> None:
    content = json.loads(document.read_bytes())
    del content["target_file"], content["flaw"]
    document.write_text(json.dumps(content))
    result = read_result(document)
    assert (result.target_file, result.flaw) == (None, None)


HEADER = encode_event(whole_run()[0]) + b"\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"<html>", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[1]", "is not JSON"),
        (b'{"schema": "cimd-conformance/result/1", "ver', "is cut short"),
        (b"{}", "it says nothing about itself"),
        (b'{"schema": "cimd-conformance/list/1"}', "it says 'cimd-conformance/list/1'"),
        (b'{"schema": "cimd-conformance/result/2"}', "is not a result of version 1"),
        (b'{"schema": "cimd-conformance/result/1"}', "is not a whole result"),
        (HEADER, "has no run-finished"),
        (HEADER + b'{"event": "run-fini', "has no run-finished"),
        (b'{"event": "scenario-started", "at": 0, "id": "x"}\n', "run-started"),
    ],
)
def test_a_bad_file_is_named_as_what_it_is(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "bad"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_result(file)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_result(tmp_path / "missing.json")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_result(tmp_path)
