"""How a command is started, and what to try next when that did not go well. Pure.

A start says everything that the program may want to know in variables. Where nothing
tells how it calls its port and its URL, the usual names are *probed*: each gets a value
of its own, so that one start shows which of them it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cimd_conformance.init._draft import Draft
from cimd_conformance.init._names import (
    PORT_NAMES,
    URL_NAMES,
    asked_value,
    missing_names,
    missing_options,
    server_value,
    trusts_another,
)
from cimd_conformance.model import InitRequest, Role
from cimd_conformance.target import Login, Server, TargetFile, User
from cimd_testbed.net import ListeningSocket

PORT_OPTION = ("--port", "{port}")
LAST_LINES = 8
_ERROR = re.compile(r"^\W*(?:\w*error|fatal|panic|exception)\b", re.IGNORECASE)
_UNKNOWN_OPTION = re.compile(
    r"unrecogni[sz]ed|unknown|no such option|not defined|unexpected|invalid option",
    re.IGNORECASE,
)


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
    given: frozenset[str] = frozenset()
    """Variables that the user has said."""
    before: Started | None = None
    """How it went without `--port`, where that was tried last."""

    @property
    def trusts(self) -> bool:
        """Whether it is taken for a tool server."""
        role = self.draft.file.role
        if "role" in self.tried:
            return role is Role.TOOL_SERVER
        if "tool-server" in self.tried:
            return True
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
    given = frozenset(request.env)
    return guess(Start(Draft(file), tuple(names), tried=tried, given=given))


def guess(start: Start) -> Start:
    """Give each variable of the source its probable value; probe the usual others."""
    guessed = {
        name: value
        for name in start.names
        if name not in start.given
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
    return _with_option(start, started)


def _after_an_end(start: Start, started: Started) -> Start | None:
    env, trusts = start.draft.file.server.env, start.trusts
    found: dict[str, str] = {}
    for name in missing_names(started.output):
        value = asked_value(name, trusts=trusts)
        if value is not None and name not in env:
            found[name] = value
    if found:
        probes = tuple(name for name in start.probes if name not in found)
        return replace(start, draft=start.draft.env(found), probes=probes)
    if start.draft.file.server.start[-2:] == list(PORT_OPTION):
        return _at_fixed_port(start)  # it does not know the option
    argv = list(start.draft.file.server.start)
    for option in missing_options(started.output):
        name = option.removeprefix("--").upper().replace("-", "_")
        value = asked_value(name, trusts=trusts)
        if value is not None and option not in argv:
            argv += [option, value]
    if argv != start.draft.file.server.start:
        return replace(start, draft=start.draft.put("server", start=argv))
    return _as_tool_server(start) or _with_option(start, started)


def _as_tool_server(start: Start) -> Start | None:
    """Try what the variables would mean for a tool server, where the role is open."""
    if start.tried & {"role", "tool-server"}:
        return None
    told = guess(replace(start, tried=start.tried | {"tool-server"}))
    return told if told.draft.file != start.draft.file else None


def _with_option(start: Start, started: Started) -> Start | None:
    """Try `--port`, once: some programs serve nothing until they are given one."""
    argv = start.draft.file.server.start
    if PORT_OPTION[0] in start.tried or "{port}" in " ".join(argv):
        return None
    draft = start.draft.put("server", start=[*argv, *PORT_OPTION])
    tried = start.tried | {PORT_OPTION[0]}
    return replace(start, draft=draft, tried=tried, before=started)


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
    return _with_option(start, started) or _at_fixed_port(start)


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


def unknown_option(output: Iterable[str]) -> bool:
    """Whether last words are about an option that the program does not have."""
    return any(_UNKNOWN_OPTION.search(line) for line in output)


def last_words(output: Sequence[str]) -> list[str]:
    """Return the lines that say why a program ended: its error, and its last ones.

    Some print how they are used after what was wrong.
    """
    said = [line.rstrip() for line in output if line.strip()]
    last = max(len(said) - LAST_LINES, 0)
    found = next((n for n, line in enumerate(said) if _ERROR.search(line)), last)
    if found >= last:
        return said[last:]
    return [*said[found : found + 3], "…", *said[max(last, found + 3) :]]


def why_not(start: Start, started: Started) -> str:
    """Say in a sentence or two why the command is no server yet, and what to do."""
    env = start.draft.file.server.env
    if started.exit_code is not None:
        wanted = [n for n in missing_names(started.output) if n not in env]
        if wanted:
            options = " ".join(f"--env {name}=…" for name in wanted)
            return f"It ended, and asks for {', '.join(wanted)}: give {options}."
        said = "see what it printed above" if started.output else "it printed nothing"
        return f"It ended with {started.exit_code}; {said}."
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
