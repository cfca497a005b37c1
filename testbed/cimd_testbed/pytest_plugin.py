"""The testbed as pytest fixtures, for sync and async tests.

    def test_login(cimd_testbed):
        app = make_app(issuer=cimd_testbed.issuer)

Nothing is loaded before a test asks for a fixture.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator

import pytest

if typing.TYPE_CHECKING:
    from cimd_testbed import ThreadedTestbed


@pytest.fixture
def cimd_testbed() -> Iterator[ThreadedTestbed]:
    """Run an authorization server, a tool server, an agent host and a document host.

    On local TLS, fresh for this test, in a thread of their own.
    """
    yield from _running()


@pytest.fixture(scope="session")
def cimd_testbed_session() -> Iterator[ThreadedTestbed]:
    """Run the same once for all tests: approvals and documents stay."""
    yield from _running()


def _running() -> Iterator[ThreadedTestbed]:
    from cimd_testbed import ThreadedTestbed  # noqa: PLC0415 - when a test asks for it

    with ThreadedTestbed() as bed:
        yield bed
