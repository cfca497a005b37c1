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

from cimd_conformance.catalogue import load_catalogue
from cimd_conformance.engine import KITS, current_scenario, roles_of
from cimd_conformance.model import AnyEvent, Job, Role, Status
from cimd_conformance.prove._select import Recording
from cimd_conformance.prove.inner import HONEST, Proof, demanding
from cimd_testbed.flaws import FLAWS, flawed
from cimd_testbed.reference import recording

INTERNET = (socket.AF_INET, socket.AF_INET6)


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


OTHERS = 5
"""So many further scenarios are run with each flaw, besides those it is there for."""


async def prove_all(role: Role) -> dict[str, dict[str, Status]]:
    """Run every flaw where it makes a difference: its own scenarios, and a few."""
    plan = [i for i in load_catalogue().instances if i.scenario.role is role]
    emitted: list[AnyEvent] = []
    loop = asyncio.get_running_loop()
    job = Job(kind="prove", role=role.value)
    proof = Proof(job, emitted.append, loop.time, demanding(plan))
    record = Recording()

    def sink(check: str, args: tuple[object, ...], result: object) -> None:
        record.add(current_scenario.get() or "", check, args, result)

    honest = KITS[role]().honest()
    statuses = {HONEST: await proof.run(role, recording(honest, sink), plan)}
    for flaw in FLAWS.values():
        if flaw.role == role.value:
            affected = record.affected(plan, flaw.check, flaw.replacement)
            own = [one for one in affected if flaw.id in one.scenario.flaws]
            others = [one for one in affected if flaw.id not in one.scenario.flaws]
            chosen = own + others[:OTHERS]
            statuses[flaw.id] = await proof.run(role, flawed(honest, flaw), chosen)
    return statuses


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", roles_of("all"))
async def test_no_flaw_leaves_loopback(
    role: Role, dialled: set[str], network_guard: list[str]
) -> None:
    statuses = await prove_all(role)
    assert set(statuses[HONEST].values()) == {Status.PASSED}
    assert any(Status.FAILED in got.values() for got in statuses.values())
    assert dialled
    assert all(ipaddress.ip_address(address).is_loopback for address in dialled)
    assert not network_guard
