"""Where a report goes: a file, or stdout."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import IO

from cimd_conformance.model import ConfigError

STDOUT = "-"

_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def safe_json(line: bytes) -> bytes:
    """Return the same JSON with every character escaped that steers a terminal.

    JSON itself escapes those below U+0020; such characters stand in strings only.
    """
    if line.isascii() and b"\x7f" not in line:
        return line
    text = line.decode()
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def standard_output() -> IO[bytes]:
    """Return stdout for bytes."""
    return getattr(sys.stdout, "buffer", None) or io.BytesIO()


def open_stream(destination: str) -> IO[bytes]:
    """Open a report that grows with the run."""
    if destination == STDOUT:
        return standard_output()
    check_writable(destination)
    try:
        return Path(destination).open("wb")
    except OSError as error:
        raise _not_writable(destination, error) from error


def check_writable(destination: str) -> None:
    """Refuse before the run what could not be written after it."""
    if destination == STDOUT:
        return
    path = Path(destination)
    if path.is_dir():
        raise _not_writable(destination, "it is a folder")
    if not path.parent.is_dir():
        raise _not_writable(destination, "its folder does not exist")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _not_writable(destination, "permission denied")


def write_document(destination: str, content: bytes) -> None:
    """Write a whole report; a file is replaced in one step, so it is never half."""
    if destination == STDOUT:
        stream = standard_output()
        stream.write(content)
        stream.flush()
        return
    path = Path(destination)
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = path.resolve()
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
        Path(temporary).chmod(_mode(path))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """Return the mode of the file that is replaced, or what a new one would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _not_writable(destination: str, why: object) -> ConfigError:
    if isinstance(why, OSError):
        why = why.strerror or why
    return ConfigError(
        "report-not-writable",
        f"Cannot write a report to {destination!r}: {why}.",
        "Give a file that you may write to, or `-` for stdout.",
    )
