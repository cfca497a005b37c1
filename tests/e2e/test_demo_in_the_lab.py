"""The embedded reference in the lab: system DNS, system sockets, seen by the tap."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cimd_testbed.net.lab import lab_available


@pytest.mark.lab
def test_the_reference_is_conformant_and_its_packets_are_seen(tmp_path: Path) -> None:
    if reason := lab_available():
        pytest.skip(reason)
    command = [sys.executable, "-m", "cimd_conformance", "demo", "--network", "lab"]
    selection = ["--only", "as/*"]
    done = subprocess.run(
        [*command, *selection, "--ndjson", "out.ndjson"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (tmp_path / "out.ndjson").read_bytes().splitlines()
    events = [json.loads(line) for line in lines]
    started, finished = events[0], events[-1]
    assert started["network"] == "lab"
    assert {"public-address", "dns-control", "canary"} <= set(started["powers"])
    counts = {status for status, count in finished["counts"].items() if count}
    machine = {"ipv6", "old-tls"}  # what the kernel and the runtime may lack
    lacks = set() if machine <= set(started["powers"]) else {"not-run"}
    assert counts == {"passed"} | lacks
    contacts = [event for event in events if event["event"] == "contact"]
    plain = [event for event in contacts if event["place"] == "client"]
    depths = {event["depth"] for event in plain}
    assert {"dns", "tcp", "http"} <= depths
    syns = [event for event in plain if event["depth"] == "tcp"]
    public = {event["address"] for event in syns if "address" in event}
    assert len(public) > 10, "client hosts have addresses of their own"
    assert not any(address.startswith("127.") for address in public)
    scenarios = {event["scenario"] for event in syns}
    assert any(name.startswith("control/") for name in scenarios)
    assert len(scenarios) > 20
