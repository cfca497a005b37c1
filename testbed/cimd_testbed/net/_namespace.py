"""Prove that this process sits in a network namespace that the run made."""

from __future__ import annotations

import socket
from pathlib import Path

_state: dict[str, bool] = {"verified": False}


def network_namespace() -> str:
    """Return the identity of this process's network namespace, '' where unknown."""
    try:
        return str(Path("/proc/self/ns/net").readlink())
    except OSError:
        return ""


def inside_verified_namespace() -> bool:
    """Whether `verify_namespace` has succeeded in this process."""
    return _state["verified"]


def verify_namespace(outside: str) -> None:
    """Check that this namespace differs from `outside` and has no way out.

    Raises `RuntimeError` when it does not: the namespace is the caller's own, or an
    interface other than `lo` exists.
    """
    here = network_namespace()
    if not here or here == outside:
        raise RuntimeError("This process is not in a network namespace of its own.")
    names = [name for _, name in socket.if_nameindex()]
    if names != ["lo"]:
        raise RuntimeError(
            f"The network namespace has interfaces besides lo: {', '.join(names)}."
        )
    _state["verified"] = True
