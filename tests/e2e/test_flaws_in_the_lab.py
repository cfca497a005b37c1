"""The mistakes that fetchers make are seen on the wire, and as deep as they went."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cimd_testbed.net.lab import lab_available

KEYS = "auth=private_key_jwt,keys=jwks_uri"

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    ("flaw", "scenario", "seen"),
    [
        ("no-address-guard", "private-address[10]", "inward was reached: http"),
        ("check-then-fetch", "rebinding", "inward was reached: http"),
        ("first-address-judged", "mixed-records", "inward was reached: http"),
        (
            "mapped-addresses-forgotten",
            "mapped-address[mapped]",
            "inward was reached: http",
        ),
        ("nat64-forgotten", "mapped-address[nat64]", "inward was reached: http"),
        ("jwks-uri-unguarded", f"jwks-uri-inward[{KEYS}]", "inward was reached: http"),
        ("environment-proxy-used", "proxied[private]", "inward was reached: http"),
        (
            "judges-after-connecting",
            "judged-before-connecting[ssh]",
            "inward was reached, and asked nothing: tcp",
        ),
        ("follows-redirects", "/fetch/redirect-inward", "inward was reached: http"),
        (
            "content-length-alone-capped",
            "/fetch/endless[chunked]",
            'client_document_request.ended is "by-us"',
        ),
        (
            "connections-shared-by-address",
            f"/fetch/connection-of-another-name[{KEYS}]",
            "neighbour got a request: http",
        ),
    ],
)
def test_what_it_touched_is_told(
    tmp_path: Path, flaw: str, scenario: str, seen: str
) -> None:
    if reason := lab_available():
        pytest.skip(reason)
    name = f"as{scenario}" if scenario.startswith("/") else f"as/client-id/{scenario}"
    command = [sys.executable, "-m", "cimd_conformance", "demo", "--network", "lab"]
    done = subprocess.run(
        [*command, "--strict", "--flaw", flaw, "--only", name, "--json", "out.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "out.json").read_bytes())["scenarios"]
    broken = "warned" if "asked nothing" in seen else "failed"  # ADR 0011
    assert (found["id"], found["status"]) == (name, broken)
    assert any(seen in check["actual"] for check in found["checks"])
