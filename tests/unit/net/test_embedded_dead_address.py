"""The address that nobody can connect to, in the embedded network."""

from __future__ import annotations

import errno

import pytest

from cimd_testbed.net import EmbeddedNetwork
from cimd_testbed.net._leases import DEAD_ADDRESS


async def test_a_dead_address_is_unreachable_and_not_forbidden() -> None:
    network = EmbeddedNetwork()
    await network.start()
    try:
        with pytest.raises(OSError, match="unreachable") as raised:
            await network.dialer(None).dial(DEAD_ADDRESS, 443)
    finally:
        await network.close()
    assert raised.value.errno == errno.ENETUNREACH
