"""How a command is started, and what to try next when that did not go well. Pure.

A start says everything that the program may want to know in variables. Where nothing
tells how it calls its port and its URL, the usual names are *probed*: each gets a value
of its own, so that one start shows which of them it reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cimd_conformance.init._draft import Draft
from cimd_conformance.init._names import (
    PORT_NAMES,
    URL_NAMES,
    missing_names,
    missing_options,
    server_value,
    trusts_another,
)
from cimd_conformance.model import InitRequest, Role
from cimd_conformance.target import Login, Server, TargetFile, User
from cimd_testbed.net import ListeningSocket

PORT_OPTION = ("--port", "{port}")


@dataclass(frozen=True, slots=True)
class Start:
    """One way of starting the command."""

    draft: Draft
    names: tuple[str, ...] = ()
    """The variables that its source reads, as far as it could be read."""
    probes: tuple[str, ...] = ()
    """Variables that are probed: names of ports and of URLs."""
    tried: frozenset[str] = frozenset()
    """What was tried already and is not to be tried again."""
    fixed: int = 0
    """The port that it took without being asked to."""

    @property
    def trusts(self) -> bool:
        """Whether it is taken for a tool server."""
        role = self.draft.file.role
        if "role" in self.tried:
            return role is Role.TOOL_SERVER
        return trusts_another([*self.names, *self.draft.file.server.env])


@dataclass(frozen=True, slots=True)
class Started:
    """What came of a start."""

    port: int
    """The port that it was told."""
    exit_code: int | None = None
    """None: it runs."""
    output: tuple[str, ...] = ()
    sockets: tuple[ListeningSocket, ...] = ()
    probed: dict[str, str] = field(default_factory=dict)
    """The value that each probed variable had."""

    @property
    def listens(self) -> bool:
        """Whether it listens where it was told to."""
        return any(s.port == self.port and s.takes_ipv4_loopback for s in self.sockets)


def first_start(request: InitRequest, names: Iterable[str]) -> Start:
    """Return the first way to start: what the user said, and what the source reads."""
    env, start = dict(request.env), list(request.start)
    server = Server(start=start, cwd=request.cwd, env=env)
    users = [User(name, password) for name, password in request.users]
    role = Role(request.role or Role.AUTHORIZATION_SERVER.value)
    file = TargetFile(1, request.name, role, server=server, login=Login(users=users))
    tried = frozenset({"role"} if request.role else ())
    return guess(Start(Draft(file), tuple(names), tried=tried))


def guess(start: Start) -> Start:
    """Give each variable of the source its probable value; probe the usual others."""
    said = start.draft.file.server.env
    guessed = {
        name: value
        for name in start.names
        if name not in said
        and (value := server_value(name, trusts=start.trusts)) is not None
    }
    draft = start.draft.env(guessed)
    everything = " ".join([*draft.file.server.start, *draft.file.server.env.values()])
    probes: list[str] = []
    if "{port}" not in everything:
        probes += PORT_NAMES
    if "{origin}" not in everything:
        probes += URL_NAMES
    known = draft.file.server.env
    return replace(
        start, draft=draft, probes=tuple(p for p in probes if p not in known)
    )


def next_start(start: Start, started: Started) -> Start | None:
    """Return what to try after a start that did not listen where it was told to.

    None when there is nothing left to try; `why_not` says what to tell then.
    """
    if started.exit_code is not None:
        return _after_an_end(start, started)
    usable = [one.port for one in started.sockets if one.takes_ipv4_loopback]
    if usable:
        return _after_another_port(start, started, usable)
    if started.sockets and "HOST" not in start.tried:
        draft = start.draft.env({"HOST": "127.0.0.1"})
        return replace(start, draft=draft, tried=start.tried | {"HOST"})
    return None


def _after_an_end(start: Start, started: Started) -> Start | None:
    env, trusts = start.draft.file.server.env, start.trusts
    found: dict[str, str] = {}
    for name in missing_names(started.output):
        value = server_value(name, trusts=trusts)
        if value is not None and name not in env:
            found[name] = value
    if found:
        probes = tuple(name for name in start.probes if name not in found)
        return replace(start, draft=start.draft.env(found), probes=probes)
    if start.draft.file.server.start[-2:] == list(PORT_OPTION):
        return _at_fixed_port(start)  # it does not know the option
    argv = list(start.draft.file.server.start)
    for option in missing_options(started.output):
        value = server_value(option.removeprefix("--"), trusts=trusts)
        if value is not None and option not in argv:
            argv += [option, value]
    if argv != start.draft.file.server.start:
        return replace(start, draft=start.draft.put("server", start=argv))
    return None


def _after_another_port(
    start: Start, started: Started, ports: list[int]
) -> Start | None:
    for name, value in started.probed.items():
        if value in map(str, ports):
            return _told_by(start, name)
    if start.draft.file.server.port:
        return None
    start = replace(start, fixed=start.fixed or ports[0])
    argv = start.draft.file.server.start
    if "{port}" in " ".join([*argv, *start.draft.file.server.env.values()]):
        return _at_fixed_port(start)  # it was told, and does as it likes
    if PORT_OPTION[0] not in start.tried:
        draft = start.draft.put("server", start=[*argv, *PORT_OPTION])
        return replace(start, draft=draft, tried=start.tried | {PORT_OPTION[0]})
    return _at_fixed_port(start)


def _at_fixed_port(start: Start) -> Start | None:
    """Take the port that the program takes on its own, without further words on it."""
    argv = start.draft.file.server.start
    if argv[-2:] == list(PORT_OPTION):
        argv = argv[:-2]
    if not start.fixed:
        return None
    env = {k: v for k, v in start.draft.file.server.env.items() if v != "{port}"}
    draft = start.draft.put("server", start=argv, env=env, port=start.fixed)
    draft = draft.say("server.port", "It takes this port, whatever it is told.")
    probes = tuple(name for name in start.probes if name not in PORT_NAMES)
    return replace(start, draft=draft, probes=probes)


def _told_by(start: Start, name: str) -> Start:
    """Tell the port in one variable, which the program has shown to read."""
    probes = tuple(one for one in start.probes if one not in PORT_NAMES)
    return replace(start, draft=start.draft.env({name: "{port}"}), probes=probes)


def settled(start: Start, started: Started) -> Start:
    """Return a start that listened, without the probes for ports."""
    everything = start.draft.file.server
    said = " ".join([*everything.start, *everything.env.values()])
    if "{port}" not in said and not everything.port and "PORT" in started.probed:
        return _told_by(start, "PORT")
    probes = tuple(name for name in start.probes if name not in PORT_NAMES)
    return replace(start, probes=probes)


def adopted(start: Start, started: Started, texts: str) -> Start:
    """Keep the probed URLs that showed in what the server says; drop the others."""
    found = {
        name: server_value(name, trusts=start.trusts) or "{origin}"
        for name in start.probes
        if name in started.probed and started.probed[name] in texts
    }
    return replace(start, draft=start.draft.env(found), probes=())


def why_not(start: Start, started: Started) -> str:
    """Say in a sentence or two why the command is no server yet, and what to do."""
    env = start.draft.file.server.env
    if started.exit_code is not None:
        wanted = [n for n in missing_names(started.output) if n not in env]
        if wanted:
            options = " ".join(f"--env {name}=…" for name in wanted)
            return f"It ended, and asks for {', '.join(wanted)}: give {options}."
        return f"It ended with {started.exit_code}; see what it printed above."
    if started.sockets:
        where = ", ".join(f"[{s.address}]:{s.port}" for s in started.sockets)
        return (
            f"It listens on {where} alone, where the front of the suite does not come: "
            "let it listen on 127.0.0.1 and the port {port}."
        )
    return (
        "It runs and listens nowhere. Does it need more time (--seconds), or is it a "
        "client (--role agent-host)?"
    )
