"""The verdict of a run from its counts."""

from __future__ import annotations

import pytest

from cimd_conformance.model import ExitCode, Status, Verdict, verdict

_CASES = [
    ({}, {}, Verdict.NOTHING_RAN, 5),
    ({"not-run": 3, "not-applicable": 1}, {}, Verdict.NOTHING_RAN, 5),
    ({"passed": 1}, {}, Verdict.CONFORMANT, 0),
    ({"passed": 1, "not-run": 4, "not-applicable": 2}, {}, Verdict.CONFORMANT, 0),
    ({"warned": 1}, {}, Verdict.CONFORMANT, 0),
    ({"warned": 1}, {"strict": True}, Verdict.FAILED, 1),
    ({"passed": 1}, {"strict": True}, Verdict.CONFORMANT, 0),
    ({"passed": 9, "failed": 1}, {}, Verdict.FAILED, 1),
    ({"inconclusive": 1, "passed": 1}, {}, Verdict.INCONCLUSIVE, 3),
    ({"inconclusive": 1, "failed": 1}, {}, Verdict.FAILED, 1),
    ({"inconclusive": 1, "failed": 1, "error": 1}, {}, Verdict.ERROR, 4),
    ({"failed": 1}, {"own_error": True}, Verdict.ERROR, 4),
    ({}, {"own_error": True}, Verdict.ERROR, 4),
    ({"passed": 1}, {"interrupted": True}, Verdict.INTERRUPTED, 3),
    ({}, {"interrupted": True}, Verdict.INTERRUPTED, 3),
    ({"failed": 1}, {"interrupted": True}, Verdict.FAILED, 1),
    ({"passed": 1}, {"ctrl_c": True}, Verdict.INTERRUPTED, 130),
    ({"failed": 1}, {"ctrl_c": True}, Verdict.FAILED, 130),
    ({"error": 1}, {"ctrl_c": True}, Verdict.ERROR, 130),
]


@pytest.mark.parametrize(("counts", "flags", "word", "code"), _CASES)
def test_verdict(
    counts: dict[str, int], flags: dict[str, bool], word: Verdict, code: int
) -> None:
    assert verdict(counts, **flags) == (word, ExitCode(code))


def test_counts_may_be_keyed_by_status() -> None:
    assert verdict({Status.FAILED: 1})[1] is ExitCode.FAILED
