"""Laws that hold for every test: nothing leaves loopback, and the lab may be required.

With `CIMD_REQUIRE_LAB=1` a test marked `lab` that would be skipped fails instead, so
that a build machine without namespaces is noticed.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy is no failure: neither an example nor its making is timed.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

# Whoever starts the tests in the background (nohup, `&` in a script) may have these
# ignored, which every process that a test starts would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

INTERNET = (socket.AF_INET, socket.AF_INET6)


class LeftLoopbackError(RuntimeError):
    """A test tried to reach, or to look up, something outside loopback."""


def _is_loopback(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _may_leave() -> bool:
    from cimd_testbed.net import inside_verified_namespace

    return inside_verified_namespace()


def _guard_method(original: Callable[..., Any], attempts: list[str]) -> Any:
    """Wrap a socket method whose last argument is the address."""

    def guarded(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1] if arguments else None
        if (
            self.family in INTERNET
            and isinstance(address, tuple)
            and not _is_loopback(address[0])
            and not _may_leave()
        ):
            attempts.append(f"{original.__name__} {address}")
            raise LeftLoopbackError(attempts[-1])
        return original(self, *arguments)

    return guarded


def _guard_lookup(original: Callable[..., Any], attempts: list[str]) -> Any:
    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        if not (_is_loopback(host) or _is_literal(host) or _may_leave()):
            attempts.append(f"getaddrinfo {host!r}")
            raise LeftLoopbackError(attempts[-1])
        return original(host, *arguments, **options)

    return guarded


def _is_literal(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def _guarded_sockets() -> Iterator[list[str]]:
    """Guard every socket of this process; asyncio's `sock_connect` calls `connect`."""
    attempts: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            original = getattr(socket.socket, name)
            patch.setattr(socket.socket, name, _guard_method(original, attempts))
        lookup = _guard_lookup(socket.getaddrinfo, attempts)
        patch.setattr(socket, "getaddrinfo", lookup)
        yield attempts


@pytest.fixture(autouse=True)
def network_guard(_guarded_sockets: list[str]) -> Iterator[list[str]]:
    """Fail a test that tried to leave loopback, even when it swallowed the error.

    A test that means to try takes this fixture and clears the list.
    """
    _guarded_sockets.clear()
    yield _guarded_sockets
    assert not _guarded_sockets, f"left loopback: {'; '.join(_guarded_sockets)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a lab test into a failure where the lab is required."""
    report = yield
    required = os.environ.get("CIMD_REQUIRE_LAB") == "1"
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if required and skipped and item.get_closest_marker("lab"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        report.outcome = "failed"
        report.longrepr = f"CIMD_REQUIRE_LAB=1, and the lab is missing: {reason}"
    return report
