"""The adopted lab: a network namespace without a way out that somebody else made.

For instance a container that was started with `--network none`, and others that share
its network: a target that runs already can be reached there. What we see of the mount
namespace is ours alone; what other containers have mounted nobody can tell from here.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from cimd_testbed.net._namespace import adopt_namespace, ways_out
from cimd_testbed.net.lab._masks import known_sockets
from cimd_testbed.net.lab._obstacles import LabObstacle
from cimd_testbed.net.lab._routes import may_configure

_RESOLV_CONF = Path("/etc/resolv.conf")
_PORTS = (53, 80, 443)
_CAPABILITIES = "--cap-add NET_ADMIN --cap-add NET_RAW"
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)


def adopt_lab() -> None:
    """Take the network namespace of this process for the lab.

    Raises `RuntimeError` when it has a way out.
    """
    obstacle = next(iter(adoption_obstacles()), None)
    if obstacle is not None:
        raise RuntimeError(str(obstacle))
    adopt_namespace()


def adoption_obstacles() -> tuple[LabObstacle, ...]:
    """Return why this process's own network cannot be the lab; () when it can.

    Where the network has interfaces besides `lo`, that is the only one.
    """
    if sys.platform != "linux":
        what = f"A network is adopted on Linux only, and this is {sys.platform}."
        return (LabObstacle("system", what, "Run the suite in a Linux container."),)
    names = ways_out()
    if names:
        what = f"This network namespace has interfaces besides lo: {', '.join(names)}."
        allow = "Start the container with `--network none`."
        return (LabObstacle("interfaces", what, allow),)
    return tuple(_obstacles(os.environ, _RESOLV_CONF))


def _obstacles(environ: Mapping[str, str], resolv_conf: Path) -> Iterator[LabObstacle]:
    if not may_configure() or not _may_tap():
        yield LabObstacle(
            "capabilities",
            "This process may not add addresses to its network, or not watch it.",
            f"Start the container as root with `{_CAPABILITIES}`.",
        )
    yield from _forbidden_ports()
    for path in sockets_that_lead_out(environ):
        yield LabObstacle(
            "sockets",
            f"Something outside answers at the socket {path}.",
            "Do not mount it into the container.",
        )
    servers = _name_servers(resolv_conf)
    if servers != ["127.0.0.1"]:
        found = ", ".join(servers) or "none"
        yield LabObstacle(
            "resolver",
            f"The name server in {resolv_conf} is not 127.0.0.1 alone ({found}).",
            "Start the container with `--dns 127.0.0.1`.",
        )


def _may_tap() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).close()
    except OSError:
        return False
    return True


def _forbidden_ports() -> Iterator[LabObstacle]:
    for port in _PORTS:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                sock.bind(("0.0.0.0", port))  # noqa: S104 - nobody is outside
            except PermissionError:
                what = f"This process may not listen on port {port}."
                allow = "Start the container as root."
                yield LabObstacle("port", what, allow)
            except OSError:
                what = f"Somebody listens on port {port} of this network."
                allow = "Let the target listen on another port of 127.0.0.1."
                yield LabObstacle("port", what, allow)


def sockets_that_lead_out(environ: Mapping[str, str]) -> list[Path]:
    """Return the socket files at which something outside this namespace answers.

    A socket that was bound in this network namespace is listed in it; one that answers
    and is not listed was bound outside.
    """
    inside = {path for path in _bound_here() if path}
    return [
        path
        for path in known_sockets(environ)
        if not _listed(path, inside) and _answers(path)
    ]


def _bound_here() -> Iterable[str]:
    lines = Path("/proc/self/net/unix").read_text(errors="surrogateescape").splitlines()
    columns = (line.split(None, 7) for line in lines[1:])
    return [column[7] for column in columns if len(column) == 8]


def _listed(path: Path, inside: set[str]) -> bool:
    return str(path) in inside or os.path.realpath(path) in inside


def _answers(path: Path) -> bool:
    for kind in _KINDS:
        with suppress(OSError), socket.socket(socket.AF_UNIX, kind) as client:
            client.setblocking(False)
            try:
                client.connect(str(path))
            except BlockingIOError:  # it listens, and is busy
                return True
            return True
    return False


def _name_servers(resolv_conf: Path) -> list[str]:
    try:
        lines = resolv_conf.read_text(errors="replace").splitlines()
    except OSError:
        return []
    words = (line.split() for line in lines)
    return [word[1] for word in words if word[:1] == ["nameserver"] and len(word) > 1]
