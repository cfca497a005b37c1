"""An issuer on https whose endpoints are not."""

from __future__ import annotations

import pytest

from cimd_conformance.engine._target import demand_secure_endpoints
from cimd_conformance.model import TargetError


def endpoints(authorization: str, token: str) -> dict[str, str]:
    return {"authorization_endpoint": authorization, "token_endpoint": token}


@pytest.mark.parametrize(
    ("authorization", "token", "named"),
    [
        ("http://as.example/auth", "https://as.example/token", "authorization_endpoi"),
        ("https://as.example/auth", "HTTP://as.example/token", "token_endpoint HTTP:"),
    ],
)
def test_plain_http_is_told_with_the_setting_that_mends_it(
    authorization: str, token: str, named: str
) -> None:
    with pytest.raises(TargetError, match=named) as raised:
        demand_secure_endpoints("https://as.example", endpoints(authorization, token))
    assert "server.forwarded" in (raised.value.hint or "")


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_endpoints_that_are_like_the_issuer_are_fine(scheme: str) -> None:
    found = endpoints(f"{scheme}://as.example/a", f"{scheme}://as.example/t")
    demand_secure_endpoints(f"{scheme}://as.example", found)
