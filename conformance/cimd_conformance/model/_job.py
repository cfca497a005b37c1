"""What the outer process asks of the inner one."""

from __future__ import annotations

import msgspec


class InitRequest(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What `init` starts from: a command or a URL, and what its user knows."""

    file: str
    """Where the target file is going to be."""
    name: str
    start: list[str] = []
    url: str = ""
    """The server that runs already, on loopback."""
    cwd: str = "."
    """Where the command runs, relative to the file."""
    role: str = ""
    """One role; '' is to be found out."""
    env: dict[str, str] = {}
    """Variables of the command, with placeholders."""
    users: list[tuple[str, str]] = []
    """People who can log in: name and password."""
    seconds: float = 30.0
    """How long the command may take until it listens."""


class Job(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One run: the first line that the inner process reads."""

    kind: str = "run"
    """`run`, `prove`, `init` or `doctor`."""
    target: str | None = None
    """The path of a `target.toml`; None is the embedded reference."""
    network: str = "embedded"
    """`embedded`, `loopback` or `lab`."""
    role: str = "all"
    """One role, or `all`."""
    profile: str = "hardened"
    seed: int = 0
    strict: bool = False
    """Whether a warning counts as a failure."""
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
    part: int = 0
    parts: int = 1
    """How many processes share the plan, and which one this is."""
    keep_open: bool = False
    """Leave the parties and the target up after the scenarios, until told to stop."""
    adopted: bool = False
    """For the network `lab`: the outer process's own network is the lab."""
    ca: str | None = None
    """A folder with the CA of the run and its key; None makes a new one."""
    init: InitRequest | None = None
    """For `init`: what there is to begin with."""
