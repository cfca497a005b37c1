"""In the lab two listeners on one address take turns, and each is asked for both."""

from __future__ import annotations

import re
from pathlib import Path

import cimd_conformance
from cimd_testbed import net


def test_our_own_servers_share_no_address() -> None:
    folders = [Path(net.__file__).parent, Path(cimd_conformance.__file__).parent]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    texts = [file.read_text("utf-8") for file in files]
    found = [
        one for text in texts for one in re.findall(r"93\.184\.215\.[1-9]\d*", text)
    ]
    assert len(found) > 5
    assert len(found) == len(set(found))
