"""The lab's files: what the system's own files look like inside, and the CA bundles.

They live in a tmpfs, so nothing of them is left when the lab ends. Only mounts of this
mount namespace are made; no file of the host is written.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cimd_testbed.net.lab._hide import hide
from cimd_testbed.net.lab._init import has_own_mounts
from cimd_testbed.net.lab._masks import sockets_to_mask
from cimd_testbed.net.lab._mount import bind, make_private, mount_tmpfs
from cimd_testbed.net.lab._outside import SOCKETS

_EMPTY_CANDIDATES = ("/srv", "/mnt", "/media", "/boot", "/opt", "/var/opt")
_LAST_RESORT = "/dev/shm"  # noqa: S108 - a place to mount on, not to write to

_RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n"
"""Names that the lab does not answer about are given up soon: nobody else would."""
_NSSWITCH = "".join(
    f"{database}: files\n"
    for database in (
        *("passwd", "group", "shadow", "gshadow", "networks", "protocols"),
        *("services", "ethers", "rpc", "netgroup"),
    )
)
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the bundle (the list of Go's crypto/x509)."""


class LabFilesError(RuntimeError):
    """The lab's files could not be put in place, so the lab would not be hermetic."""


@dataclass(frozen=True, slots=True)
class LabFiles:
    """Where the lab keeps its files, in memory."""

    directory: Path
    ca_file: Path
    """The lab's CA alone."""
    bundle_file: Path
    """The system's bundle with the lab's CA appended."""


_placed: dict[bytes, LabFiles] = {}
"""What this process has mounted, by CA: it stays as long as the namespace."""


def place_files(ca_pem: bytes, environ: Mapping[str, str]) -> LabFiles:
    """Mount everything in its place; needs a mount namespace of our own.

    Once for each CA: a proof opens the network again and again. Raises `LabFilesError`
    without a namespace, and when the resolver's files or a socket cannot be covered.
    """
    if ca_pem not in _placed:
        _placed[ca_pem] = _place_files(ca_pem, environ)
    return _placed[ca_pem]


def _place_files(ca_pem: bytes, environ: Mapping[str, str]) -> LabFiles:
    if not has_own_mounts():
        raise LabFilesError("Refusing to mount outside a lab: call `enter_lab` first.")
    try:
        make_private()
        resolv_conf = Path(os.path.realpath("/etc/resolv.conf"))
        sockets = list(sockets_to_mask(environ.get(SOCKETS, ""), environ))
        directory = _empty_directory()
        mount_tmpfs(directory)
        hide(directory, sockets)
        _cover(directory, resolv_conf, _RESOLV_CONF)
        _cover(directory, Path("/etc/hosts"), _hosts())
        _cover(directory, Path("/etc/nsswitch.conf"), f"{_NSSWITCH}hosts: files dns\n")
        tempfile.tempdir = str(directory)  # what this process writes for a while, too
        return _place_bundles(directory, ca_pem)
    except OSError as error:
        raise LabFilesError(f"A file of the lab cannot be placed: {error}.") from error


def _empty_directory() -> Path:
    """Find a directory that hides nothing when something is mounted over it."""
    for text in _EMPTY_CANDIDATES:
        try:
            if not os.listdir(text):  # noqa: PTH208 - existence alone counts
                return Path(text)
        except OSError:
            continue
    used = (sys.prefix, sys.executable, tempfile.gettempdir(), Path.cwd())
    if any(Path(path).is_relative_to(_LAST_RESORT) for path in used):
        raise LabFilesError("Found no directory where the lab could keep its files.")
    return Path(_LAST_RESORT)


def _cover(directory: Path, place: Path, text: str) -> None:
    """Show `text` at `place`; a missing file is only made where memory is mounted."""
    place = Path(os.path.realpath(place))
    source = directory / place.name
    source.write_text(text)
    if place.exists():
        bind(source, place)
    elif _is_ours(directory, place):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def _is_ours(directory: Path, place: Path) -> bool:
    """Whether what would be made at `place` stays in the lab's memory."""
    nearest = next(up for up in place.parents if up.exists())
    return nearest.stat().st_dev == directory.stat().st_dev


def _hosts() -> str:
    own = socket.gethostname()
    return f"127.0.0.1 localhost {own}\n::1 localhost ip6-localhost ip6-loopback\n"


def _place_bundles(directory: Path, ca_pem: bytes) -> LabFiles:
    files = LabFiles(directory, directory / "ca.pem", directory / "ca-bundle.pem")
    files.ca_file.write_bytes(ca_pem)
    places = {Path(os.path.realpath(text)) for text in _BUNDLES}
    found = sorted(place for place in places if place.is_file())
    contents = {place: place.read_bytes().rstrip(b"\n") + b"\n" for place in found}
    first = next(iter(contents.values()), b"")
    files.bundle_file.write_bytes(first + ca_pem)
    for index, (place, content) in enumerate(contents.items()):
        copy = directory / f"bundle-{index}.pem"
        copy.write_bytes(content + ca_pem)
        bind(copy, place)
    return files
