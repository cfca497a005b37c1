"""Start the command until it listens where it was told to, then ask it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from cimd_conformance.engine.external import (
    Placed,
    Surroundings,
    free_port,
    open_issuer,
    place,
    start_process,
)
from cimd_conformance.evidence import OutputRedactor
from cimd_conformance.init._ask import Asker
from cimd_conformance.init._draft import Facts, changed
from cimd_conformance.init._names import (
    PORT_NAMES,
    missing_names,
    missing_options,
    names_in,
)
from cimd_conformance.init._start import (
    PORT_OPTION,
    Start,
    Started,
    adopted,
    first_start,
    guess,
    last_words,
    next_start,
    settled,
    unknown_option,
    why_not,
)
from cimd_conformance.model import InitRequest, TargetError
from cimd_conformance.target import secrets_of
from cimd_testbed.core import SystemClock, split_url
from cimd_testbed.net import (
    HttpClient,
    Limits,
    SystemDialer,
    SystemResolver,
    TargetProcess,
)
from cimd_testbed.parties import Upstream

STARTS = 12
TICK = 0.1
SETTLE = 5
"""So many ticks a program may take from its first port to its last."""
SOURCE_BYTES = 1 << 20

_SEPARATORS = re.compile(r"[\s=\"';&|]+")
"""Between the words of a command, an option and its value, a line of a shell."""

Say = Callable[[str, str], None]
"""Tells (topic, text) to whoever waits."""


def source_names(request: InitRequest) -> list[str]:
    """Return the variables that the files read which the command names."""
    folder = Path(request.file).parent / request.cwd
    texts = []
    for word in _SEPARATORS.split(" ".join(request.start))[:40]:
        module = word.replace(".", "/")  # after -m
        for name in (word, f"{module}.py", f"{module}/__main__.py"):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if (folder / name).stat().st_size < SOURCE_BYTES:
                    texts.append((folder / name).read_text("utf-8"))
    return names_in("\n".join(texts))


@dataclass(slots=True)
class Boot:
    """Finds out how a command wants to be started."""

    around: Surroundings
    request: InitRequest
    say: Say
    on_line: Callable[[str], None]
    names: dict[str, str] = field(default_factory=dict)
    """The placeholders of the parties that a server may be told of."""
    ended: bool = False
    """Whether the last start ended by itself."""

    def __post_init__(self) -> None:
        """Publish those parties."""
        upstream = Upstream(self.around.parties.upstream_origin, SystemClock().now)
        upstream.publish(self.around.parties.web)
        issuer = open_issuer(self.around, "ES256")
        self.names = upstream.placeholders() | issuer.placeholders()

    def first(self) -> Start:
        """Return the first way to start."""
        start = first_start(self.request, source_names(self.request))
        self.say("starts", " ".join(start.draft.file.server.start))
        env = start.draft.file.server.env
        found = {k: v for k, v in env.items() if k not in self.request.env}
        if found:
            self.say("reads", " ".join(f"{k}={v}" for k, v in found.items()))
        return start

    async def find(self, start: Start) -> tuple[Start, Facts]:
        """Start until it listens, and return what it says about itself.

        Raises `TargetError` with what it printed last when it never does.
        """
        for _ in range(STARTS):
            following: Start | None
            async with self._started(start) as (placed, started):
                if started.listens:
                    self.say("listens", f"127.0.0.1:{started.port}")
                    facts = await self._ask(placed)
                    told = settled(start, started)
                    following = adopted(told, started, facts.texts)
                    if following.draft == told.draft:
                        return following, facts
                else:
                    following = next_start(start, started)
            self.ended = started.exit_code is not None
            if following is None:
                raise self._lost(start, started)
            self._explain(start, started, following)
            start = following
        raise self._lost(start, Started(0))

    async def again(self, start: Start, facts: Facts) -> tuple[Start, Facts]:
        """Guess again, now that the role is known; ask again if that makes a change."""
        told = guess(replace(start, tried=start.tried | {"role"}))
        told = replace(told, probes=())
        if told.draft.file.server.env == start.draft.file.server.env:
            return told, facts
        return await self.find(told)

    def _explain(self, start: Start, started: Started, following: Start) -> None:
        before, now = start.draft.file.server, following.draft.file.server
        env = {k: v for k, v in now.env.items() if before.env.get(k) != v}
        more = [*now.start[len(before.start) :], *(f"{k}={v}" for k, v in env.items())]
        if now.port and not before.port:
            self.say("listens", f"always on {now.port}")
        elif more:
            self.say("starts", f"{_why(started)}; again with {' '.join(more)}")
        elif now.start != before.start:
            self.say("starts", f"it does not take {PORT_OPTION[0]}")

    def _lost(self, start: Start, started: Started) -> TargetError:
        if start.before is not None and unknown_option(started.output):
            started = start.before
        redactor = OutputRedactor(secrets_of(start.draft.file))
        tail = "\n  ".join(redactor.line(line) for line in last_words(started.output))
        return TargetError(
            "not-a-server",
            "The command is no server yet." + (f"\n  {tail}" if tail else ""),
            why_not(start, started),
        )

    @contextlib.asynccontextmanager
    async def _started(self, start: Start) -> AsyncIterator[tuple[Placed, Started]]:
        """Start the command, and wait until it listens or ends."""
        async with AsyncExitStack() as stack:
            path = Path(self.request.file)
            placed = place(self.around, path, start.draft.file, stack)
            placed.names.update(self.names)
            placed.names["resource"] = f"{placed.origin}/mcp"
            probed = self._probe(placed, start)
            env = {**start.draft.file.server.env, **probed}
            placed.target = changed(start.draft.file, "server", env=env)
            await start_process(placed, self.on_line, stack)
            process = placed.process
            assert process is not None, "init starts a command"
            await self._until_it_listens(process, placed.port)
            yield (
                placed,
                Started(
                    placed.port,
                    process.exit_code,
                    tuple(process.tail),
                    tuple(process.listening()),
                    probed,
                ),
            )

    def _probe(self, placed: Placed, start: Start) -> dict[str, str]:
        """Give each probed variable a value that only it has."""
        probed = {}
        for number, name in enumerate(start.probes, 2):
            if name in PORT_NAMES:
                port = placed.port if name == "PORT" else free_port()
                probed[name] = str(port)
            elif placed.lab is not None:
                host = name.lower().replace("_", "-")
                probed[name] = f"https://{host}.cimd-target.net"
            else:
                probed[name] = f"http://127.0.0.{number}:{placed.port}"
        return probed

    async def _until_it_listens(self, process: TargetProcess, port: int) -> None:
        """Wait for a port; one more tick or so where it is not the one it was told."""
        waited = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.request.seconds):
                while not process.exited.is_set():
                    ports = [one.port for one in process.listening()]
                    waited += bool(ports)
                    if port in ports or waited > SETTLE:
                        return
                    await asyncio.sleep(TICK)

    async def _ask(self, placed: Placed) -> Facts:
        """Ask the server at its plain port, as the front would."""
        http = HttpClient(
            SystemDialer(),
            SystemResolver(),
            self.around.authority.trust(),
            Limits(seconds=10.0),
        )
        asker = Asker(http, f"http://127.0.0.1:{placed.port}", placed.origin)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.request.seconds):
                    await asker.until_it_answers()
            return await asker.facts(self._paths())
        finally:
            await http.close()

    def _paths(self) -> tuple[str, ...]:
        """Return where the user says that the MCP endpoint is."""
        said = (split_url(value).path for value in self.request.env.values())
        return tuple(path for path in said if path.strip("/"))


def _why(started: Started) -> str:
    """Say why the command is started once more."""
    if started.exit_code is not None:
        asks = missing_names(started.output) or missing_options(started.output)
        return "it asks for more" if asks else "it ends"
    if started.listens:
        return "that shows in its metadata"
    if not started.sockets:
        return "it listens nowhere"
    return f"it listens on {', '.join(str(one.port) for one in started.sockets)}"
