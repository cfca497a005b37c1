"""A host full of daemons that would answer for a process in the lab.

    busy_host.py PROBE…

Runs as root of namespaces of its own, so that `/run` is its to fill. It starts the
daemons, shows that they answer, runs the probe in a lab, and starts them again while
the probe runs. Prints what was reached: outside, inside, inside after the restart.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from cimd_testbed.net.lab import LabProcess

NAME = "outside.cimd-hosts.net"
ADDRESS = "203.0.113.66"
NSCD = "/run/nscd/socket"
_GETAI = 14

SOCKETS = (
    NSCD,
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/journal/stdout",
    "/run/dbus/system_bus_socket",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/user/1000/bus",
    "/run/user/1000/wayland-0",
    "/run/user/1000/gnupg/S.gpg-agent",
    "/run/avahi-daemon/socket",
    "/run/something-unheard-of/deep/daemon.sock",
    "/run/late.sock",
    "/tmp/.X11-unix/X0",
)


class Daemon:
    """One listening socket that says what it is asked, and counts who came."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.served = 0
        self.start()

    def start(self) -> None:
        """Bind, also where the path was bound before, as a restarted daemon does."""
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        Path(self.path).unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(self.path)
        server.listen()
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            client, _ = server.accept()
            self.served += 1
            with contextlib.suppress(OSError), client:
                client.sendall(self._answer(client))

    def _answer(self, client: socket.socket) -> bytes:
        if self.path != NSCD:
            return b"!"
        version, kind, length = struct.unpack("=iii", client.recv(12))
        asked = client.recv(length)
        if kind != _GETAI or not asked.startswith(NAME.encode()):
            return b""
        header = struct.pack("=iiiiii", version, 1, 1, 4, 0, 0)
        return header + socket.inet_aton(ADDRESS) + bytes([socket.AF_INET])


def ask(path: str) -> bool:
    """Whether anything answers at a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(path)
        except OSError:
            return False
        if path == NSCD:
            client.sendall(struct.pack("=iii", 2, 0, 0))
        client.recv(1)  # it has been counted then
        return True


def look() -> dict[str, object]:
    """Return which sockets answer, and what the outside's name resolves to."""
    found = subprocess.run(
        ["getent", "ahostsv4", NAME], capture_output=True, text=True, check=False
    ).stdout.split()
    return {"reached": [p for p in SOCKETS if ask(p)], "resolved": found[:1]}


def main() -> int:
    """Play the host."""
    subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
    Path("/run/harmless").mkdir()
    Path("/run/harmless/file").write_text("seen")
    Path("/run/link").symlink_to("harmless")
    Path("/run/stamp").write_text("seen")
    daemons = [Daemon(path) for path in SOCKETS if path != "/run/late.sock"]
    outside = look()
    for daemon in daemons:
        daemon.served = 0
    argv = [sys.executable, str(Path(__file__).with_name("busy_probe.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environ = {**os.environ, "DOCKER_HOST": "unix:///run/docker.sock"}
    with LabProcess(argv, environ=environ, **pipes) as lab:
        assert lab.popen.stdin is not None
        assert lab.popen.stdout is not None
        before = json.loads(lab.popen.stdout.readline())
        for daemon in daemons:
            daemon.start()
        daemons.append(Daemon("/run/late.sock"))
        lab.popen.stdin.write(b"again\n")
        lab.popen.stdin.flush()
        after = json.loads(lab.popen.stdout.readline())
    served = [daemon.path for daemon in daemons if daemon.served]
    kept = Path("/run/harmless/file").read_text()
    seen = {"outside": outside, "before": before, "after": after}
    sys.stdout.write(json.dumps({**seen, "served": served, "kept": kept}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
