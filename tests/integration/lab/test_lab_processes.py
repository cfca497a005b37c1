"""Targets inside the lab that refuse to run as root."""

import os
import sys

import pytest

from cimd_testbed.net import Command, TargetProcess

pytestmark = pytest.mark.lab


async def who_am_i(network, user):
    code = "import os; print(os.getuid(), os.getgid())"
    environ = network.environment(os.environ)
    process = TargetProcess(Command([sys.executable, "-c", code], environ, user=user))
    await process.start()
    await process.wait()
    await process.stop()
    return process.tail


@pytest.mark.parametrize(("user", "seen"), [(None, "0 0"), (1234, "1234 1234")])
def test_a_user_of_its_own(inside, user, seen):
    assert inside(who_am_i, user) == [seen]
