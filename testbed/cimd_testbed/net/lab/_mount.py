"""mount(2): a dozen calls cost less than one start of the `mount` program."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

_MS_NOSUID, _MS_NODEV = 2, 4
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(
    source: str, place: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    texts = (None if text is None else text.encode() for text in (kind, options))
    kind_bytes, option_bytes = texts
    failed = _libc().mount(
        os.fsencode(source),
        os.fsencode(place),
        kind_bytes,
        ctypes.c_ulong(flags),
        option_bytes,
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), place)


def make_private() -> None:
    """Keep every mount made here from spreading outside; raises `OSError`."""
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)


def mount_tmpfs(place: Path, mode: str = "0755") -> None:
    """Mount an empty file system in memory; raises `OSError`."""
    _mount("cimd-lab", str(place), "tmpfs", _MS_NOSUID | _MS_NODEV, f"mode={mode}")


def bind_all(source: Path, place: Path) -> None:
    """Let `place` show `source` and what is mounted below it; raises `OSError`."""
    _mount(str(source), str(place), None, _MS_BIND | _MS_REC)


def bind(source: Path, place: Path) -> None:
    """Let `place` show `source`; raises `OSError`."""
    _mount(str(source), str(place), None, _MS_BIND)
