"""Where the catalogue's data is: inside the wheel, or beside a checkout."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import cimd_conformance
from cimd_conformance.model import ConfigError, HarnessError


@functools.cache
def catalogue_dir() -> Path:
    """Return the folder of scenarios, requirements and profiles.

    The wheel has it as `cimd_conformance/_catalogue`; an editable install does not,
    and uses `scenarios/` of the checkout. `CIMD_CATALOGUE` names another one, for
    whoever writes scenarios. Raises `HarnessError` when none exists.
    """
    if chosen := os.environ.get("CIMD_CATALOGUE"):
        if (Path(chosen) / "_requirements").is_dir():
            return Path(chosen)
        raise ConfigError(
            "catalogue-missing",
            f"CIMD_CATALOGUE names {chosen!r}, which is no scenario catalogue.",
            "Copy the folder `scenarios` with everything in it.",
        )
    package = Path(cimd_conformance.__file__).parent
    packaged = package / "_catalogue"
    checkout = package.parent.parent / "scenarios"
    for folder in (packaged, checkout):
        if (folder / "_requirements").is_dir():
            return folder
    raise HarnessError(
        "catalogue-missing",
        "The scenario catalogue is neither in the package nor beside it.",
        "Install the package again.",
    )
