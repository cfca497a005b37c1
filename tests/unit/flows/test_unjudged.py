"""Which answers of a server say nothing about what it was asked."""

import pytest

from cimd_conformance.flows.authorization_server._common import unjudged
from cimd_conformance.model import Outcome
from cimd_testbed.net import Response


@pytest.mark.parametrize("status", [400, 403, 500, 502, 504])
def test_an_error_page_is_an_answer(status: int) -> None:
    assert unjudged(Response(status)) is None


def test_a_server_that_is_overloaded_has_not_judged() -> None:
    assert unjudged(Response(503)) is Outcome.NO_ANSWER


@pytest.mark.parametrize(("status", "body"), [(429, b""), (400, b'"slow_down"')])
def test_a_server_that_limits_rate_has_not_judged(status: int, body: bytes) -> None:
    assert unjudged(Response(status, body=body)) is Outcome.RATE_LIMITED
