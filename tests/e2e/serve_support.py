"""Start `serve` as a process, and wait until it says where its servers are."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

MODULE = [sys.executable, "-m", "cimd_conformance"]


def run_cli(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*MODULE, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def free_port() -> int:
    """Return a free port out of the range that systems give out for port 0."""
    for port in random.SystemRandom().sample(range(20000, 30000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("there is no free port")


class Served:
    """A running `serve`; its stdout and stderr are files in `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.arguments = ["--port-base", "0", *arguments]
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        ready = self.folder / "serve.json"
        ready.unlink(missing_ok=True)
        began = time.monotonic()
        with self._file("out") as out, self._file("err") as err:
            self.process = subprocess.Popen(
                [*MODULE, "serve", *self.arguments, "--json", str(ready)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "TMPDIR": str(self.folder)},
            )
        while not ready.exists():
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() < began + 30, "it never got ready"
            time.sleep(0.01)
        self.facts = json.loads(ready.read_text())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.code = self.process.wait(20)

    def _file(self, name: str) -> Any:
        return (self.folder / f"serve.{name}").open("wb")

    @property
    def stdout(self) -> str:
        return (self.folder / "serve.out").read_text()

    @property
    def stderr(self) -> str:
        return (self.folder / "serve.err").read_text()

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.facts["ca_file"])

    @property
    def opener(self) -> OpenerDirector:
        return build_opener(ProxyHandler({}), HTTPSHandler(context=self.trust))
