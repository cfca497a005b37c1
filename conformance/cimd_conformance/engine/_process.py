"""A target's process: placed on the run's network, started, waited for.

What all roles share. Each role adds its own placeholders and its own world.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cimd_conformance.catalogue import expand, locate
from cimd_conformance.engine._diagnosis import OUTPUT_LINES
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.evidence import OutputRedactor
from cimd_conformance.model import ConfigError
from cimd_conformance.target import TargetFile, cache_dir, secrets_of
from cimd_testbed.core import SystemClock, split_url
from cimd_testbed.net import (
    EGRESS_URL,
    Command,
    FakeClock,
    TargetProcess,
    egress_environment,
    inside_verified_namespace,
    only_one_user,
)
from cimd_testbed.net.lab import LabNetwork

HOST = "as.cimd-target.net"
ADDRESS = ipaddress.IPv4Address("93.184.215.20")

OnLine = Callable[[str], None]


@dataclass(slots=True)
class Placed:
    """Where the target is, the placeholders of its file, and its process."""

    path: Path
    target: TargetFile
    around: Surroundings
    origin: str
    port: int
    names: dict[str, str]
    clock: FakeClock | None = None
    """The clock that the target is shown, None for the true one."""
    process: TargetProcess | None = None

    def now(self) -> float:
        """Return the time that the target is shown."""
        return SystemClock().now() if self.clock is None else self.clock.now()

    def environment(self) -> dict[str, str]:
        """Return what the target's processes have besides what its file says."""
        base = self.lab.environment(os.environ) if self.lab else dict(os.environ)
        if self.lab and self.target.server.proxy:
            base |= egress_environment()
        return base if self.clock is None else self.clock.environment(base)

    @property
    def lab(self) -> LabNetwork | None:
        """The lab, None on loopback."""
        network = self.around.network
        return network if isinstance(network, LabNetwork) else None

    @property
    def output(self) -> tuple[str, ...]:
        """What the process wrote last, without secrets."""
        redactor = OutputRedactor(secrets_of(self.target))
        tail = self.process.tail[-OUTPUT_LINES:] if self.process else []
        return tuple(redactor.line(line) for line in tail)

    def fill(self, value: Any, **more: str) -> str:
        """Replace the placeholders of a text."""
        return str(expand(value, {**self.names, **more}))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now.

    It lies below the range that the system takes for outgoing connections, so that it
    is still free when the target gets round to binding it.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def place(
    around: Surroundings,
    path: Path,
    target: TargetFile,
    stack: AsyncExitStack,
    host: str = HOST,
) -> Placed:
    """Allocate origin, port and files before anything starts."""
    network = around.network
    lab = network if isinstance(network, LabNetwork) else None
    made = tempfile.TemporaryDirectory(prefix="cimd-target-")
    folder = Path(stack.enter_context(made))
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(around.authority.ca_pem)
    port = target.server.port or free_port()
    if target.server.user is not None and not only_one_user():
        os.chown(folder, target.server.user, target.server.user)
    origin = f"https://{host}" if lab else f"http://127.0.0.1:{port}"
    bundle = lab.files.bundle_file if lab and lab.files else ca_file
    names = {
        "origin": origin,
        "host": host if lab else f"127.0.0.1:{port}",
        "port": str(port),
        "ca_file": str(ca_file),
        "bundle_file": str(bundle),
        "cache": str(cache_dir(path, target)),
        "state": str(folder),
        "dir": str(path.parent),
        "proxy": EGRESS_URL,
        "python": sys.executable,
    }
    for service in target.service:
        names[f"{service.name}.port"] = str(free_port())
    library = around.faketime
    clock = FakeClock(library, folder / "clock") if library else None
    return Placed(path, target, around, origin, port, names, clock)


def demand_local(url: str, what: str, path: Path | None = None) -> None:
    """Keep the law: outside a namespace only loopback is ever named or reached.

    Raises `ConfigError` for any other host.
    """
    host = split_url(url).host
    if inside_verified_namespace() or host in ("localhost", "127.0.0.1", "[::1]"):
        return
    where = ""
    if path is not None:
        line = locate(path.read_text("utf-8"), ["server", what])
        where = f"{path}:{line}: "
    raise ConfigError(
        "remote-target",
        f"{where}The {what} {url!r} is not on this machine.",
        "Attacks go to loopback or into the lab only: start the target from the file "
        "(server.start), or run the suite in a container beside it.",
    )


def why_not_started(command: Command) -> str | None:
    """Say why a command cannot be started, where that can be seen."""
    cwd = command.cwd or Path()
    if not cwd.is_dir():
        return f"There is no folder {cwd.resolve()} to start it in."
    program = command.argv[0]
    if "/" in program:
        file = cwd / program
        if not file.exists():
            where = "" if Path(program).is_absolute() else f" in {cwd.resolve()}"
            return f"There is no program {program!r}{where}."
        return None if os.access(file, os.X_OK) else f"{file} is not executable."
    path = command.environ.get("PATH", os.defpath)
    if shutil.which(program, path=path) is None:
        return f"There is no program {program!r} on the PATH."
    return None
