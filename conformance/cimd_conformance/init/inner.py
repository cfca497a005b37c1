"""`init`, inside: start, ask, try, and describe what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from cimd_conformance.engine.external import Surroundings, open_surroundings
from cimd_conformance.evidence import OutputRedactor
from cimd_conformance.init import _candidates, _candidates_tool
from cimd_conformance.init._agent import describe_agent, first_agent
from cimd_conformance.init._ask import ask_running
from cimd_conformance.init._bench import Bench
from cimd_conformance.init._boot import Boot, source_names
from cimd_conformance.init._describe import described, role_of
from cimd_conformance.init._draft import (
    TRUST,
    Candidate,
    Draft,
    Facts,
    Shape,
    Trial,
    told,
)
from cimd_conformance.init._running import first_running, literal
from cimd_conformance.init._search import Search, ended, explained, failed
from cimd_conformance.init._start import first_start
from cimd_conformance.init._tool import describe_tool
from cimd_conformance.model import (
    AnyEvent,
    ConfigError,
    ExitCode,
    HarnessError,
    InitProgress,
    InitRequest,
    Job,
    Role,
    RunFinished,
    TargetDescribed,
    TargetError,
    TargetOutput,
)
from cimd_conformance.target import secrets_of

Emit = Callable[[AnyEvent], None]
OUTPUT_LINES = 500
TRUSTED = "Those about certificates make usual runtimes trust the CA of the run."


async def init_job(
    job: Job, emit: Emit, now: Callable[[], float], stop: asyncio.Event
) -> int:
    """Find out how a target is described; `stop` ends it with what was found so far.

    Whatever happens to the target, a description is emitted: what is missing in it is
    marked. Raises `ConfigError` for what the user has to change first.
    """
    if job.init is None:
        raise HarnessError("init", "The job has nothing to begin with.")
    around = await open_surroundings(job, lambda _event: None, now)
    request, lab = job.init, job.network == "lab"
    if not lab and request.start:
        request = msgspec.structs.replace(request, env={**TRUST, **request.env})
    work = Init(request, around, emit, now, lab=lab)
    try:
        stopped = await _unless(stop, work)
    finally:
        await around.network.close()
    emit(work.description())
    good = not work.draft.todos and not work.search.fails and not stopped
    code = ExitCode.CONFORMANT if good else ExitCode.INCONCLUSIVE
    word = "described" if good else "inconclusive"
    emit(RunFinished(now(), word, int(code), {}, now(), interrupted=stopped))
    return int(code)


async def _unless(stop: asyncio.Event, work: Init) -> bool:
    """Do the work; return whether it was stopped before its end."""
    doing, ended = asyncio.create_task(work.run()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({doing, ended}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
            return False
        work.draft = work.draft.say("", "`init` was stopped before its end.", todo=True)
        return True
    finally:
        for task in (doing, ended):
            task.cancel()
        await asyncio.gather(doing, ended, return_exceptions=True)


@dataclass(slots=True)
class Init:
    """One search for a description; `draft` is what it has so far."""

    request: InitRequest
    around: Surroundings
    emit: Emit
    now: Callable[[], float]
    lab: bool
    draft: Draft = field(init=False)
    facts: Facts = field(default_factory=lambda: Facts(""))
    bench: Bench = field(init=False)
    search: Search = field(init=False)
    names: list[str] = field(init=False)
    """The variables that the command's source reads."""
    _redactor: OutputRedactor = field(init=False)
    _lines: int = 0

    def __post_init__(self) -> None:
        """Begin with what the user said."""
        path = Path(self.request.file)
        self.bench = Bench(self.around, path, self.on_line)
        self.search = Search(self.bench, self.say, self.propose)
        known = first_start(self.request, ()).draft.file
        self._redactor = OutputRedactor(secrets_of(known))
        self.names = source_names(self.request)
        agent = self.request.role == Role.AGENT_HOST
        self.draft = (
            first_agent(self.request, self.names)
            if agent
            else first_running(self.request)
        )

    def say(self, topic: str, text: str) -> None:
        """Tell whoever waits."""
        self.emit(InitProgress(self.now(), topic, text))

    def on_line(self, line: str) -> None:
        """Pass on what the target prints."""
        self._lines += 1
        if self._lines <= OUTPUT_LINES:
            self.emit(TargetOutput(self.now(), self._redactor.line(line)))

    def description(self) -> TargetDescribed:
        """Return what was found."""
        return TargetDescribed(
            self.now(),
            told(self.draft.file),
            list(self.draft.remarks),
            list(self.search.works),
            {name: ended(trial) for name, trial in self.search.fails.items()},
        )

    async def run(self) -> None:
        """Find out as much as can be found out."""
        try:
            if self.request.role == Role.AGENT_HOST:
                await self._agent()
            elif self.request.url:
                await self._running()
            else:
                await self._command()
        except TargetError as error:
            if error.code == "not-started":
                hint = "Give the command as you would type it here, after `--`."
                raise ConfigError(error.code, error.message, hint) from None
            self.say("stuck", error.message)
            text = f"{error.message.splitlines()[0]} {error.hint}"
            self.draft = self.draft.say("server.start", text, todo=True)
            if not self.request.role:
                self.draft = self.draft.unknown_role()
        finally:
            await self.bench.close()

    # --- the three kinds of things to begin with ------------------------------------

    async def _command(self) -> None:
        boot = Boot(self.around, self.request, self.say, self.on_line)
        start = boot.first()
        self.draft = start.draft
        try:
            start, facts = await boot.find(start)
        except TargetError:
            if self.request.role or not boot.ended or not await self._is_agent():
                raise
            await self._agent()
            return
        self.draft, self.facts = start.draft, facts
        role, why = role_of(facts)
        if not self.request.role and role is not None:
            self.say("role", f"{role.value}: {why}")
            start = replace(start, draft=start.draft.role(role, why))
        elif not self.request.role:
            start = replace(start, draft=start.draft.unknown_role())
        start, self.facts = await boot.again(start, facts)
        await self._try_server(described(start.draft, self.facts))

    async def _running(self) -> None:
        self.facts = await ask_running(self.around, self.request.url, lab=self.lab)
        role, why = role_of(self.facts)
        if not self.request.role and role is not None:
            self.say("role", f"{role.value}: {why}")
            self.draft = self.draft.role(role, why)
        if self.lab:
            draft = self.draft.put("server", port=self.facts.port)
            await self._try_server(described(draft, self.facts))
            return
        draft = described(self.draft, self.facts)
        await self._try_server(literal(draft, self.facts.origin))

    async def _is_agent(self) -> bool:
        """Whether the command is a client: when told to, it comes to our server."""
        agent = first_agent(self.request, self.names)
        shape = Shape("connect", (("auth", "none"), ("protocol", "2025-11-25")))
        trial = await self.bench.trial(agent.file, shape)
        if trial.reached:
            self.say("role", "agent-host: it ends, and came to our server")
        return bool(trial.reached)

    async def _agent(self) -> None:
        self.draft = first_agent(self.request, self.names)
        async for draft in describe_agent(self.draft, self.search, self.say):
            self.draft = draft
        self._mark_failures()

    # --- servers --------------------------------------------------------------------

    def propose(self, draft: Draft, trial: Trial) -> Iterable[Candidate]:
        """Return what to try next, by the role."""
        if draft.file.role is Role.AUTHORIZATION_SERVER:
            return _candidates.candidates(draft.file, trial, self.facts, lab=self.lab)
        return _candidates_tool.candidates(draft.file, trial, self.facts)

    async def _try_server(self, draft: Draft) -> None:
        self.draft = draft
        if not (self.facts.metadata or self.facts.endpoint):
            return  # there is nothing to try, and the draft says so
        self.draft = await self.search.make_work(self.draft, None)
        if self.search.last is not None and not self.search.last.done:
            self.draft = _not_usable(self.draft, self.search.last)
            return
        shapes = await self.bench.shapes(self.draft.file)
        if self.draft.file.role is Role.TOOL_SERVER:
            self.draft = await describe_tool(self.draft, self.bench)
        for shape in shapes:
            self.draft = await self.search.make_work(self.draft, shape)
        await self.search.confirm(self.draft, shapes)
        self._mark_failures()

    def _mark_failures(self) -> None:
        self.draft = failed(self.draft, self.search.fails)
        if not self.lab and self.request.start:
            agent = self.draft.file.role is Role.AGENT_HOST
            where = "client.env" if agent else "server.env"
            self.draft = self.draft.say(where, TRUSTED)


def _not_usable(draft: Draft, trial: Trial) -> Draft:
    """Say why the target did not come as far as a legitimate flow."""
    asked = any(page.startswith("/issuer/") for page in trial.reached)
    if _candidates_tool.refuses_host(trial):
        draft = draft.say("server.env", _candidates_tool.HOST_REFUSED, todo=True)
    elif draft.file.role is Role.TOOL_SERVER and not asked:
        draft = draft.say("server.env", _candidates_tool.NEVER_ASKED, todo=True)
    return draft.say(trial.about, explained(trial), todo=True)
