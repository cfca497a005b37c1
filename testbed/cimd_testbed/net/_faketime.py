"""A clock for other people's programs, by way of libfaketime.

The library is preloaded and shifts what the C library says of the time, the monotonic
clock included: timers and caches go by that one. A program that asks the kernel itself,
as every Go program does, keeps the true time. Whether a program follows has to be seen.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAMES = ("libfaketimeMT.so.1", "libfaketimeMT.so")
"""The variant for programs with threads; the other one fits those without only."""
_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64")
PRELOAD = "LD_PRELOAD"


def find_libfaketime() -> Path | None:
    """Return the library of this machine, None when it is not installed."""
    if sys.platform != "linux":
        return None
    return next(_candidates(), None)


def _candidates() -> Iterator[Path]:
    for place in map(Path, _PLACES):
        for pattern in ("faketime", "*-linux-*/faketime"):
            for name in _NAMES:
                yield from sorted(place.glob(f"{pattern}/{name}"))


class FakeClock:
    """A clock that is ahead of the true one, by an offset that can grow."""

    def __init__(self, library: Path, file: Path, ahead: int = 600) -> None:
        self._library = library
        self._file = file
        self._ahead = ahead
        self._write()

    def now(self) -> float:
        """Return the time that is shown, in seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let whole seconds pass at once."""
        self._ahead += int(seconds)
        self._write()

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `environ` with what makes a program follow this clock."""
        loaded = [str(self._library), environ.get(PRELOAD, "")]
        return {
            **environ,
            PRELOAD: ":".join(filter(None, loaded)),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",  # 20 µs for each look at the clock
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",  # so that files grow older
        }

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"+{self._ahead}s\n")
        os.replace(fresh, self._file)  # noqa: PTH105 - never half a file
