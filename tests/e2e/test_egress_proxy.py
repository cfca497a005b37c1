"""A server that is started behind a proxy, and judges the client's host or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite_support import Miniature

from cimd_testbed.net.lab import lab_available

FLOW = "as/flow/public-client"
PROXIED = "as/client-id/proxied*"

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def _lab_or_skip() -> None:
    if reason := lab_available():
        pytest.skip(reason)


def server(folder: Path, judges: str, *, proxy: bool) -> Miniature:
    env = f'JUDGES = "{judges}"' + ("" if proxy else '\nHTTPS_PROXY = "x"')
    return Miniature(
        folder,
        "fetches",
        seconds=10.0,
        ready_seconds=20.0,
        server="proxy = true" if proxy else "",
        env=env,
    )


@pytest.mark.parametrize(
    ("judges", "status"), [("proxy", "failed"), ("client", "passed")]
)
def test_contact_through_the_proxy_is_contact(
    tmp_path: Path, judges: str, status: str
) -> None:
    miniature = server(tmp_path, judges, proxy=True)
    ended = miniature.run(FLOW, PROXIED, network="lab")
    statuses = ended.statuses()
    assert statuses.pop(FLOW) == "passed"
    assert set(statuses.values()) == {status}
    assert "proxy" in ended.document["powers"]
    names = [e.get("name") for e in ended.events if e["event"] == "contact"]
    through = [name for name in names if name and name.endswith("(through the proxy)")]
    assert any("client-" in name for name in through)
    inward = [name for name in through if "intranet" in name]
    assert bool(inward) == (status == "failed")


def test_without_a_proxy_it_is_not_judged(tmp_path: Path) -> None:
    ended = server(tmp_path, "client", proxy=False).run(PROXIED, network="lab")
    assert set(ended.statuses().values()) == {"not-run"}
    (reason,) = {one["reason"] for one in ended.document["scenarios"]}
    assert reason == "Needs the power proxy."
