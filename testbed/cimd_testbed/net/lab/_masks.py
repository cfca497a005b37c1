"""Unix sockets of the host, which a network namespace does not cut off.

Name service caches, D-Bus, docker, databases and agents would act outside on behalf of
a process inside. Known directories are hidden whole, because their daemons may bind a
new socket during the run; beyond those, every socket that can be found is hidden by
itself. Abstract sockets belong to the network namespace and need nothing.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

MASKED_DIRECTORIES = tuple(
    Path(text)
    for text in (
        *("/run/systemd", "/run/nscd", "/run/dbus", "/run/user", "/run/docker"),
        *("/run/containerd", "/run/podman", "/run/crio", "/run/libvirt"),
        *("/run/avahi-daemon", "/run/cups", "/run/postgresql", "/run/mysqld"),
        *("/run/redis", "/run/memcached", "/run/rpcbind", "/run/gssproxy"),
        *("/run/WSL", "/run/snapd", "/run/sssd", "/run/udev", "/run/lvm"),
        *("/var/lib/sss/pipes", "/var/lib/gssproxy", "/tmp/.X11-unix"),  # noqa: S108
        *("/var/run/nscd", "/var/run/dbus", "/var/run/docker"),
    )
)
RUN = (Path("/run"), Path("/var/run"))
"""Where daemons put their sockets; the second one is mostly a link to the first."""
_ENTRIES = 20_000
_OCTAL = re.compile(r"\\([0-7]{3})")
_SOCKET_VARIABLES = (
    *("SSH_AUTH_SOCK", "DOCKER_HOST", "CONTAINER_HOST", "NOTIFY_SOCKET"),
    *("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "PULSE_SERVER"),
)


def sockets_to_mask(listed: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield every socket file that can be found, each once.

    `listed` are those that the outer side could see, one a line.
    """
    known = (Path(line) for line in listed.splitlines())
    yield from _sockets((*known, *_candidates(environ)))


def known_sockets(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the socket files of known places, mounts and variables, each once."""
    yield from _sockets(_candidates(environ))


def holds_socket(directory: Path) -> bool:
    """Whether there is a socket anywhere below a directory."""
    return any(True for _ in _walked([directory]))


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    yield from _named(environ)
    yield from _mounted()
    roots = (*RUN, *(place for place in MASKED_DIRECTORIES if place.is_dir()))
    yield from _walked(roots)


def _sockets(paths: Iterable[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        if path not in seen and _is_socket(path):
            seen.add(path)
            yield path


def _mounted() -> Iterator[Path]:
    """Yield what is mounted by itself, as containers get single sockets."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return
    for line in lines.splitlines():
        text = line.split()[4]
        yield Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), text))


def _named(environ: Mapping[str, str]) -> Iterator[Path]:
    for name in _SOCKET_VARIABLES:
        for part in environ.get(name, "").replace(";", ",").split(","):
            if "/" in part:
                yield Path("/" + part[part.find("/") :].lstrip("/"))


def _walked(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield the sockets below; a bound keeps odd systems from delaying us."""
    left = _ENTRIES
    waiting = [path for path in roots if path.is_dir() and not path.is_symlink()]
    while waiting and left > 0:
        for entry in _entries(waiting.pop()):
            left -= 1
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif _is_socket(Path(entry.path)):
                yield Path(entry.path)


def _entries(directory: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except OSError:
        return ()


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except (OSError, ValueError):
        return False
