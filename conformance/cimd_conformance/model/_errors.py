"""Errors by blame.

    SuiteError                  (not to be raised itself)
    ├── ConfigError             your file or flag is wrong: exit 2
    ├── TargetError             the target did not start, answer or survive: exit 3
    └── HarnessError            our bug: exit 4

Each has a stable `code`, a message in a full sentence, and a `hint` that says what to
do.
"""

from __future__ import annotations

from cimd_conformance.model._words import ExitCode


class SuiteError(Exception):
    """The base of all errors that end a run."""

    exit_code: ExitCode

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        if type(self) is SuiteError:
            raise TypeError("Raise one of the subclasses: they say who is to blame.")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class ConfigError(SuiteError):
    """A scenario, a target file or a flag is wrong."""

    exit_code = ExitCode.USAGE


class TargetError(SuiteError):
    """The target did not start, did not answer, or ended midway."""

    exit_code = ExitCode.INCONCLUSIVE


class HarnessError(SuiteError):
    """Our own fault."""

    exit_code = ExitCode.OWN_ERROR
