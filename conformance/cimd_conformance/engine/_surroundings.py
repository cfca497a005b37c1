"""What a run gives to whoever builds a target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cimd_certs import Authority
from cimd_conformance.engine._lease import ScenarioLeases
from cimd_conformance.engine._parties import Parties
from cimd_conformance.evidence import Evidence
from cimd_testbed.net import Network


class Told(Protocol):
    """Hears what was looked at while a target starts, for `doctor`."""

    def __call__(
        self, step: str, what: str, *, mend: str = "", fields: tuple[str, ...] = ()
    ) -> None:
        """Hear that a step is done; with `mend`, that something is worth knowing."""


def nobody_told(
    step: str, what: str, *, mend: str = "", fields: tuple[str, ...] = ()
) -> None:
    """Hear of it, and do nothing."""
    del step, what, mend, fields


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The network of a run with its parties, the CA, and where evidence goes.

    Shared by the roles of a run; whoever opened it closes the network.
    """

    network: Network
    authority: Authority
    evidence: Evidence
    leases: ScenarioLeases
    parties: Parties
    seed: int
    faketime: Path | None = None
    """The library that shifts the target's clock, in the part of a run that does."""
    told: Told = nobody_told
    """For `doctor`, which shows what was looked at."""
