"""Finding scenario instances, for the commands that read the catalogue."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from cimd_conformance.model import ConfigError


def unknown_id(wanted: str, known: Iterable[str], where: str = "") -> ConfigError:
    """Return the error for an id that is not there, with those that are near."""
    ids = sorted({*known})
    near = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.5)
    near = near or [each for each in ids if wanted and wanted in each][:3]
    hint = "" if where else "`cimd-conformance list` shows all ids."
    if near:
        hint = "\n".join(["Did you mean:", *(f"  {each}" for each in near)])
    place = f" {where}" if where else ""
    return ConfigError("unknown-id", f"There is no scenario {wanted!r}{place}.", hint)
