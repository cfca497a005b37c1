"""What a program finds when it wants to open a browser: a tiny program of ours.

`BROWSER` and the usual openers on `PATH` are one shell script that writes its last
argument into a pipe. Nothing is opened; whoever reads the pipe plays the person.
Beside them lies `cimd-marker`, which nobody runs unless a URL told a shell to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

PIPE_VARIABLE = "CIMD_BROWSER_PIPE"
MARKER = "cimd-marker"
"""A program that writes `cimd-marker:` into the pipe: proof that a shell ran it."""
_NAMES = (
    *("xdg-open", "open", "x-www-browser", "www-browser", "sensible-browser"),
    *("gnome-open", "kde-open", "gio-open", "wslview", "firefox", "google-chrome"),
    *("chromium", "chromium-browser", "start"),
)
_SCRIPT = f"""#!/bin/sh
for url in "$@"; do :; done
printf '%s\\n' "$url" >> "${PIPE_VARIABLE}"
"""
_MARKING = f"""#!/bin/sh
printf '{MARKER}:\\n' >> "${PIPE_VARIABLE}"
"""


def install_openers(folder: Path) -> Path:
    """Put the openers into a folder; return the script for `BROWSER`."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "cimd-browser"
    script.write_text(_SCRIPT, "utf-8")
    script.chmod(0o755)
    marker = folder / MARKER
    marker.write_text(_MARKING, "utf-8")
    marker.chmod(0o755)
    for name in _NAMES:
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(script.name)
    return script


class OpenedUrls:
    """One pipe: calls `on_url` for each URL that one program wants opened."""

    def __init__(self, path: Path, on_url: Callable[[str], None]) -> None:
        self._path = path
        self._on_url = on_url
        self._transport: asyncio.ReadTransport | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Make the pipe and read from it."""
        os.mkfifo(self._path, 0o600)
        # Open for writing too: the pipe then has no end when a writer goes away.
        descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        reader = asyncio.StreamReader(limit=1 << 20)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader),
            os.fdopen(descriptor, "rb", buffering=0),
        )
        self._reading = asyncio.create_task(self._read(reader), name="opened-urls")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop reading and remove the pipe."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
        self._path.unlink(missing_ok=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            url = line.decode("utf-8", "replace").strip()
            if url:
                self._on_url(url)
