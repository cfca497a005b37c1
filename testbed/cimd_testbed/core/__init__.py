"""Pure rules: accept, refuse or free, with the clause. No I/O, no asyncio."""

from cimd_testbed.core._clock import Clock, ShiftedClock, SystemClock
from cimd_testbed.core._decision import Decision, Verdict, accept, free, refuse
from cimd_testbed.core._url import UrlParts, split_url

__all__ = [
    "Clock",
    "Decision",
    "ShiftedClock",
    "SystemClock",
    "UrlParts",
    "Verdict",
    "accept",
    "free",
    "refuse",
    "split_url",
]
