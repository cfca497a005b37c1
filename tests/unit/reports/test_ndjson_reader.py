"""What the reader of NDJSON reports refuses, by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_samples import footer, header, whole_run

from cimd_conformance.model import encode_event
from cimd_conformance.reports.ndjson import (
    BadEventError,
    DuplicateHeaderError,
    EmptyReportError,
    MissingHeaderError,
    ReportError,
    ReportVersionError,
    TrailingEventError,
    TruncatedReportError,
    read_ndjson,
)

HEAD = encode_event(header()) + b"\n"
FOOT = encode_event(footer()) + b"\n"
MIDDLE = b"".join(encode_event(event) + b"\n" for event in whole_run()[1:-1])
NEWER = HEAD.replace(b'"schema":1', b'"schema":99')


def test_a_whole_run_is_read(tmp_path: Path) -> None:
    file = tmp_path / "run.ndjson"
    file.write_bytes(HEAD + MIDDLE + FOOT)
    assert read_ndjson(file) == whole_run()
    file.write_bytes((HEAD + MIDDLE + FOOT).rstrip(b"\n"))
    assert read_ndjson(file) == whole_run()


@pytest.mark.parametrize(
    ("content", "error", "code", "line"),
    [
        (b"", EmptyReportError, "report-empty", 0),
        (HEAD + MIDDLE, TruncatedReportError, "report-truncated", 0),
        (HEAD + MIDDLE[:-9], TruncatedReportError, "report-truncated", 22),
        (MIDDLE + FOOT, MissingHeaderError, "report-without-header", 1),
        (HEAD + HEAD + FOOT, DuplicateHeaderError, "report-duplicate-header", 2),
        (HEAD + FOOT + HEAD + FOOT, TrailingEventError, "report-trailing", 3),
        (HEAD + b"\n" + FOOT, BadEventError, "report-bad-line", 2),
        (HEAD + b'{"event":"x"}\n' + FOOT, BadEventError, "report-bad-line", 2),
        (HEAD + b"\xff\xfe\n" + FOOT, BadEventError, "report-bad-line", 2),
        (b"no json", BadEventError, "report-bad-line", 1),
        (NEWER + FOOT, ReportVersionError, "report-version", 1),
    ],
)
def test_anything_else_is_refused_by_name(
    tmp_path: Path,
    content: bytes,
    error: type[ReportError],
    code: str,
    line: int,
) -> None:
    file = tmp_path / "run.ndjson"
    file.write_bytes(content)
    with pytest.raises(error) as caught:
        read_ndjson(file)
    assert (caught.value.code, caught.value.line) == (code, line)
    assert caught.value.exit_code == 2
    assert str(file) in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No such file"):
        read_ndjson(tmp_path / "none")
