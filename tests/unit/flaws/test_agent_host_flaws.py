"""Every flaw of the agent host has the shape of its check, and is another function."""

import dataclasses
import inspect

import pytest

from cimd_testbed.flaws import FLAWS, flawed
from cimd_testbed.reference.agent_host import AgentHostChecks

HONEST = AgentHostChecks()
OURS = {flaw.id: flaw for flaw in FLAWS.values() if flaw.role == "agent-host"}


def test_there_are_some():
    assert len(OURS) > 40


@pytest.mark.parametrize("name", OURS)
def test_shape(name):
    flaw = OURS[name]
    check = getattr(HONEST, flaw.check)
    wanted, got = (
        list(inspect.signature(function).parameters)
        for function in (check, flaw.replacement)
    )
    assert len(wanted) == len(got)
    assert getattr(flawed(HONEST, flaw), flaw.check) is flaw.replacement
    assert flaw.title.endswith(".")


def test_every_check_has_a_flaw():
    checks = {field.name for field in dataclasses.fields(HONEST)}
    assert checks <= {flaw.check for flaw in OURS.values()}
