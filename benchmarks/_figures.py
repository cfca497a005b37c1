"""What was measured, beside what it is compared with."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


class NotMeasuredError(Exception):
    """The command did not do what was to be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; both values in `unit`."""

    what: str
    measured: float
    unit: str
    beside: float | None = None
    """The same of what it is compared with."""
    aim: str = ""


Figures = list[Figure]


def shown(value: float, unit: str) -> str:
    """Return a value with three digits or so."""
    places = 0 if value >= 100 or unit in ("MiB", "%", "") else 2 if value < 10 else 1
    return f"{value:.{places}f} {unit}".rstrip()


def ratio(figure: Figure) -> str:
    """Return how many times the other it is; '' where there is none."""
    return f"{figure.measured / figure.beside:.2f}" if figure.beside else ""


def median(values: Iterable[float | None]) -> float:
    """Return the median of what is there; raises `NotMeasuredError` for nothing."""
    found = [value for value in values if value is not None]
    if not found:
        raise NotMeasuredError("The line that was waited for never came.")
    return statistics.median(found)
