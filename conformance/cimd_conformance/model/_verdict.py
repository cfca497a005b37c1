"""The verdict of a run: what its counts mean, and with which code it ends."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from cimd_conformance.model._words import ExitCode, Status


class Verdict(enum.StrEnum):
    """The result of a run in one word."""

    CONFORMANT = "conformant"
    """Everything that was judged passed (or warned)."""
    FAILED = "failed"
    """At least one scenario failed."""
    INCONCLUSIVE = "inconclusive"
    """Nothing failed, but something could not be judged."""
    INTERRUPTED = "interrupted"
    """Nothing failed before the run was stopped."""
    ERROR = "error"
    """The suite itself is at fault."""
    NOTHING_RAN = "nothing-ran"
    """No scenario was judged: the selection is empty, or nothing in it could run."""


_JUDGED = (Status.PASSED, Status.FAILED, Status.WARNED, Status.INCONCLUSIVE)


def verdict(
    counts: Mapping[str, int],
    *,
    strict: bool = False,
    interrupted: bool = False,
    ctrl_c: bool = False,
    own_error: bool = False,
) -> tuple[Verdict, ExitCode]:
    """Return the verdict and the exit code for scenario counts by status.

    The causes take precedence 4 > 1 > 3; nothing ran comes last.
    With `strict` a warning counts as a failure.
    `ctrl_c` changes the code only: the person at the keyboard knows what it means.
    """
    word, code = _of_counts(
        counts,
        strict=strict,
        interrupted=interrupted or ctrl_c,
        own_error=own_error,
    )
    return word, ExitCode.CTRL_C if ctrl_c else code


def _of_counts(
    counts: Mapping[str, int], *, strict: bool, interrupted: bool, own_error: bool
) -> tuple[Verdict, ExitCode]:
    if own_error or counts.get(Status.ERROR, 0):
        return Verdict.ERROR, ExitCode.OWN_ERROR
    if counts.get(Status.FAILED, 0) or (strict and counts.get(Status.WARNED, 0)):
        return Verdict.FAILED, ExitCode.FAILED
    if interrupted:
        return Verdict.INTERRUPTED, ExitCode.INCONCLUSIVE
    if counts.get(Status.INCONCLUSIVE, 0):
        return Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE
    if not any(counts.get(status, 0) for status in _JUDGED):
        return Verdict.NOTHING_RAN, ExitCode.NOTHING_RAN
    return Verdict.CONFORMANT, ExitCode.CONFORMANT
