"""A token is shown to work at the userinfo endpoint (OIDC Core section 5.3)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cimd_conformance.flows.authorization_server import _use
from cimd_testbed.net import Response

URL = "https://as.cimd-target.net/me"


class Http:
    def __init__(self, response: Response) -> None:
        self.response = response
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    async def request(
        self, method: str, url: str, headers: Any, body: bytes = b""
    ) -> Response:
        self.asked.append((method, url, dict(headers)))
        return self.response


def state(http: Http) -> Any:
    target = SimpleNamespace(shown_by="userinfo", endpoint=lambda _name: URL)
    return SimpleNamespace(
        target=target,
        http=http,
        record=lambda *_values, **_more: 1,
    )


@pytest.mark.parametrize(
    ("status", "body", "works"),
    [
        (200, b'{"sub": "alice"}', True),
        (200, b'{"error": "invalid_token"}', False),
        (200, b"<html>", False),
        (200, b"[]", False),
        (401, b'{"sub": "alice"}', False),
    ],
)
async def test_a_person_is_named(status: int, body: bytes, works: bool) -> None:
    http = Http(Response(status, (), body))
    found = await _use.use_token(cast("Any", state(http)), "secret-token")
    assert (found is None) is works
    ((method, url, headers),) = http.asked
    assert (method, url) == ("GET", URL)
    assert headers["Authorization"] == "Bearer secret-token"
