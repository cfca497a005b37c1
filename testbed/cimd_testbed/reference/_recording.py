"""Tell somebody what each check was asked and what it answered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ChecksT = TypeVar("ChecksT", bound="DataclassInstance")
Sink = Callable[[str, tuple[Any, ...], object], None]
"""Receives the field's name, the arguments and the result, all immutable."""


def recording(checks: ChecksT, sink: Sink) -> ChecksT:
    """Return the same checks, each of which reports to `sink` when it has answered."""

    def wrapped(name: str, check: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(check)
        def ask(*args: Any) -> object:
            result = check(*args)
            sink(name, args, result)
            return result

        return ask

    names = [field.name for field in fields(checks)]
    return replace(
        checks, **{name: wrapped(name, getattr(checks, name)) for name in names}
    )
