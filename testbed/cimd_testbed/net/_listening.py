"""On which ports processes listen, read from `/proc` (Linux only)."""

from __future__ import annotations

import contextlib
import ipaddress
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cimd_testbed.net._contacts import IPAddress

_LISTEN = "0A"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass(frozen=True, slots=True, order=True)
class ListeningSocket:
    """A TCP socket that waits for connections."""

    port: int
    address: IPAddress

    @property
    def takes_ipv4_loopback(self) -> bool:
        """Whether a connection to 127.0.0.1 gets there.

        One on `::` takes it too, unless it was made for IPv6 alone, which `/proc` does
        not tell.
        """
        loopback = ipaddress.IPv4Address("127.0.0.1")
        return self.address.is_unspecified or self.address == loopback


def listening_sockets(pids: Iterable[int]) -> list[ListeningSocket]:
    """Return where these processes listen, by port; [] where there is no `/proc`."""
    held = {inode for pid in pids for inode in _inodes(pid)}
    found = {
        _socket(words[1])
        for table in _TABLES
        for words in _rows(table)
        if words[3] == _LISTEN and words[9] in held
    }
    return sorted(found, key=lambda one: (one.port, one.address.version))


def _rows(table: str) -> Iterator[list[str]]:
    with contextlib.suppress(OSError):
        for line in Path(table).read_text("ascii").splitlines()[1:]:
            yield line.split()


def _inodes(pid: int) -> Iterator[str]:
    """Yield the inodes of a process's sockets; it may end while we look."""
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                link = str(entry.readlink())
                if link.startswith("socket:["):
                    yield link[len("socket:[") : -1]


def _socket(text: str) -> ListeningSocket:
    """Read `0100007F:1F90`: the address in words of the machine's byte order."""
    packed, _, port = text.partition(":")
    words = [int(packed[at : at + 8], 16) for at in range(0, len(packed), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    mapped = getattr(address, "ipv4_mapped", None)
    return ListeningSocket(int(port, 16), mapped or address)
