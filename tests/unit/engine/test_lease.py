"""Addresses that scenarios hold: single ones are reserved before anything runs."""

from __future__ import annotations

import asyncio

import pytest

from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.model import Place


def places(*addresses: str) -> list[Place]:
    return [Place(f"p{n}", address=text) for n, text in enumerate(addresses)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("169.254.169.254", "169.254.169.254"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::ffff:10.9.0.1", "10.9.0.1"),
    ],
)
async def test_who_would_be_reached_together_waits(one: str, other: str) -> None:
    leases = ScenarioLeases()
    await leases.reserve("a", places(one))
    waiting = asyncio.create_task(leases.reserve("b", places(other)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await leases.release("a")
    async with asyncio.timeout(1):
        await waiting
    await leases.release("b")


async def test_several_are_reserved_at_once_and_ranges_are_not() -> None:
    leases = ScenarioLeases()
    await leases.reserve("a", places("127.0.0.1", "::1", "10.0.0.0/8"))
    place = Place("inward", address="127.0.0.1")
    assert str(await leases.lease("a", place, "inward")) == "127.0.0.1"
    async with asyncio.timeout(1):
        await leases.reserve("b", places("10.0.0.1", "10.0.0.0/8"))
