"""What the outer process asks of the inner one."""

from __future__ import annotations

import msgspec


class Job(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One run: the first line that the inner process reads."""

    kind: str = "run"
    """`run` or `prove`."""
    target: str | None = None
    """The path of a `target.toml`; None is the embedded reference."""
    network: str = "embedded"
    """`embedded`, `loopback` or `lab`."""
    role: str = "all"
    """One role, or `all`."""
    profile: str = "hardened"
    seed: int = 0
    jobs: int | None = None
    only: list[str] = []
    skip: list[str] = []
    grace: float | None = None
    """Seconds after which an absence counts; None takes the target's own."""
    flaw: str | None = None
    """Run against the reference with this flaw."""
    flaws: list[str] = []
    """For `prove`: only these flaws."""
    full: bool = False
    keep_open: bool = False
    """Leave the parties and the target up after the scenarios, until told to stop."""
    adopted: bool = False
    """For the network `lab`: the outer process's own network is the lab."""
    ca: str | None = None
    """A folder with the CA of the run and its key; None makes a new one."""
