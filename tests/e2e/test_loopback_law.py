"""The law: whatever a reference is made to do, only loopback is ever connected to.

The whole embedded suite runs in this process, honest and with every flaw, on sockets
that tell where they are connected to. The guard of `tests/conftest.py` stands behind.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from cimd_conformance.engine import roles_of
from cimd_conformance.model import AnyEvent, FlawTried, Job, Status
from cimd_conformance.prove.inner import HONEST, prove_job
from cimd_testbed.flaws import FLAWS

INTERNET = (socket.AF_INET, socket.AF_INET6)
ROLES = [role.value for role in roles_of("all")]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Collect every address that a socket of this process is connected to."""
    found: set[str] = set()

    def note(family: int, address: Any) -> None:
        if family in INTERNET:
            found.add(str(address[0]))

    for name in ("connect", "connect_ex", "sendto"):
        original = getattr(socket.socket, name)

        def method(
            self: socket.socket, *arguments: Any, _original: Any = original
        ) -> Any:
            note(self.family, arguments[-1])
            return _original(self, *arguments)

        monkeypatch.setattr(socket.socket, name, method)
    loop_class = asyncio.selector_events.BaseSelectorEventLoop
    sock_connect = loop_class.sock_connect

    async def connect(self: Any, sock: socket.socket, address: Any) -> None:
        note(sock.family, address)
        await sock_connect(self, sock, address)

    monkeypatch.setattr(loop_class, "sock_connect", connect)
    looked_up = socket.getaddrinfo

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        found.add(str(host))
        return looked_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ROLES)
async def test_no_flaw_leaves_loopback(
    role: str, dialled: set[str], network_guard: list[str]
) -> None:
    events: list[AnyEvent] = []
    loop = asyncio.get_running_loop()
    names = [name for name, flaw in sorted(FLAWS.items()) if flaw.role == role]
    job = Job(kind="prove", role=role, flaws=names)
    assert await prove_job(job, events.append, loop.time) == 0
    tried = {event.flaw: event for event in events if isinstance(event, FlawTried)}
    assert set(tried) == {HONEST, *names}
    assert set(tried[HONEST].statuses.values()) == {Status.PASSED}
    assert dialled
    assert all(ipaddress.ip_address(address).is_loopback for address in dialled)
    assert not network_guard
