"""A headless Chromium, driven through a pipe, in a lab: it cannot reach anybody.

Chromium looks for its makers' services whatever it is told, so it runs in the lab,
where there is no way out. Its debugging protocol is spoken over a pipe, so no driver
has to be installed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cimd_testbed.net.lab import LabProcess, lab_available

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"),
    *("--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-extensions", "--hide-scrollbars", "--mute-audio"),
)
START = """\
import fcntl, os, sys
pipes = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for fd, wanted in zip(pipes, (3, 4)):
    os.dup2(fd, wanted)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads commands from descriptor 3 and writes answers to 4."""


def why_not() -> str:
    """Return why there is no browser here; empty when there is one."""
    if not any(map(shutil.which, NAMES)):
        return f"no Chromium: none of {', '.join(NAMES)} is installed"
    return lab_available()


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start Chromium with an empty profile in this folder, and end it."""
    name = next(filter(None, map(shutil.which, NAMES)))
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    start = [sys.executable, "-c", START, str(theirs_in), str(theirs_out)]
    words = [*start, name, *OPTIONS, f"--user-data-dir={folder / 'profile'}"]
    quiet = subprocess.DEVNULL
    pipes = {"stdin": quiet, "stdout": quiet, "stderr": quiet}
    with LabProcess(words, **pipes, pass_fds=(theirs_in, theirs_out)) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Page(ours_in, ours_out)
        finally:
            os.close(ours_out)
            os.close(ours_in)
            process.kill()


class Page:
    """One page; remembers what went wrong in it and what it asked the network for."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read, self._write = read_fd, write_fd
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[str] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self._events.clear()
        self.send("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._next()

    def run(self, script: str) -> Any:
        """Return the value of an expression, or of what it promises."""
        found = self.send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true, looked at whenever the page is drawn."""
        self.run(
            "new Promise((done) => { const look = () => "
            f"({condition}) ? done() : requestAnimationFrame(look); look(); }})"
        )

    def type(self, text: str) -> None:
        """Press keys: characters, or one named key such as `Enter`."""
        keys = [text] if text in ("Enter", "Escape", "Tab") else list(text)
        for key in keys:
            enter = (
                {"text": "\r", "windowsVirtualKeyCode": 13} if key == "Enter" else {}
            )
            told = {"text": key} if len(key) == 1 else enter
            code = {"Tab": 9, "Escape": 27}.get(key)
            if code:
                told = {"windowsVirtualKeyCode": code}
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **told)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the window a size; a phone has two dots for each."""
        scale = 2 if phone else 1
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            mobile=phone,
            deviceScaleFactor=scale,
        )

    def media(self, media: str = "", **features: str) -> None:
        """Emulate a medium, such as `print`, or a preference."""
        told = [
            {"name": name.replace("_", "-"), "value": value}
            for name, value in features.items()
        ]
        self.send("Emulation.setEmulatedMedia", media=media, features=told)

    def _next(self, seconds: float = 60) -> dict[str, Any]:
        """Return the next message, and note what it tells."""
        deadline = time.monotonic() + seconds
        while b"\0" not in self._rest:
            left = max(deadline - time.monotonic(), 0)
            ready, _, _ = select.select([self._read], [], [], left)
            assert ready, "Chromium says nothing"
            chunk = os.read(self._read, 1 << 16)
            assert chunk, "Chromium has ended"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, params: dict[str, Any]) -> None:
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
