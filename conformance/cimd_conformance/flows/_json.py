"""Read JSON that a target wrote, and that may be anything."""

from __future__ import annotations

import json
from typing import Any


def read_json(body: bytes) -> Any:
    """Return the value; raises `ValueError` for everything that is not JSON.

    Arrays nested ten thousand deep are the target's fault, not a failure of ours.
    """
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("The JSON is nested too deep.") from None
