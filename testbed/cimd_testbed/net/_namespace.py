"""Prove that this process sits in a network namespace without a way out."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_SIOCGIFFLAGS, _IFF_UP = 0x8913, 1
_FALLBACK_TUNNELS = frozenset(
    {
        *("tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0"),
        *("ip6tnl0", "ip6gre0"),
    }
)

_state: dict[str, bool] = {"verified": False}


def network_namespace() -> str:
    """Return the identity of this process's network namespace, '' where unknown."""
    try:
        return str(Path("/proc/self/ns/net").readlink())
    except OSError:
        return ""


def inside_verified_namespace() -> bool:
    """Whether this process has found its network namespace without a way out."""
    return _state["verified"]


def verify_namespace(outside: str) -> None:
    """Check that this namespace differs from `outside` and has no way out.

    Raises `RuntimeError` when it does not: the namespace is the caller's own, or an
    interface other than `lo` exists.
    """
    here = network_namespace()
    if not here or here == outside:
        raise RuntimeError("This process is not in a network namespace of its own.")
    adopt_namespace()


def adopt_namespace() -> None:
    """Check that this namespace, whoever made it, has no way out.

    Raises `RuntimeError` when it has an interface other than `lo`. Without one, no
    route can lead anywhere else.
    """
    names = ways_out()
    if names:
        raise RuntimeError(
            f"The network namespace has interfaces besides lo: {', '.join(names)}."
        )
    _state["verified"] = True


def ways_out() -> list[str]:
    """Return the interfaces of this network namespace besides `lo`.

    Left out are tunnels that the kernel puts into every new namespace once a module is
    loaded, while they are down: what they would carry had to leave through `lo`.
    """
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    return [name for name in names if name not in _FALLBACK_TUNNELS or _is_up(name)]


def _is_up(name: str) -> bool:
    import fcntl  # noqa: PLC0415 - not on every system

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh", name.encode(), 0).ljust(40, b"\0")
        answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
    (flags,) = struct.unpack_from("h", answer, 16)
    return bool(flags & _IFF_UP)
