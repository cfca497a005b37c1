"""One flow: steps in order, changed in one thing.

A flow is a list of verbs. Steps before the first changed one must go as in the control;
otherwise the change was never tried and the flow says so.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

from cimd_conformance.catalogue import expand
from cimd_conformance.evidence import ExchangeRecord, Redactor
from cimd_conformance.flows._world import Kept, Site, World
from cimd_conformance.model import (
    STEP_MESSAGES,
    Change,
    Message,
    Outcome,
    Scenario,
    Step,
    Verb,
)
from cimd_testbed.net import (
    ForbiddenAddressError,
    Headers,
    HttpClient,
    HttpError,
    Request,
    Response,
)


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How one step ended."""

    verb: Verb
    name: str | None
    outcome: Outcome
    detail: str
    evidence: tuple[int, ...] = ()


@dataclass(slots=True)
class FlowResult:
    """How a flow ended, and what came back on the way."""

    outcome: Outcome
    detail: str
    steps: list[StepEnd]
    messages: dict[Message, Any]
    changed: bool
    """Whether the change was really made: sent, or served to the target."""
    why_not: str = ""
    evidence: tuple[int, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    """The placeholders of this flow, for expectations."""
    redact: Callable[[str], str] = str
    """Takes the secrets of this flow out of a text."""
    after: dict[str, dict[Message, Any]] = field(default_factory=dict)
    """What had come back by the end of each named step."""
    retry_after: float = 0.0
    """How many seconds the target asked to be left alone, with a 429."""

    def messages_of(self, step: str | None) -> dict[Message, Any]:
        """Return what came back: by the end of a step, or of the whole flow."""
        return self.messages if step is None else self.after.get(step, {})


@dataclass(slots=True)
class FlowState:
    """What the steps of one flow hand on; each role adds its own."""

    world: World
    label: str
    scenario: Scenario | None
    variant: dict[str, str]
    http: HttpClient
    redactor: Redactor = field(init=False)
    sites: dict[str, Site] = field(default_factory=dict)
    messages: dict[Message, Any] = field(default_factory=dict)
    """What came back."""
    numbers: list[int] = field(default_factory=list)
    """The exchanges of this flow, in order."""
    sent: set[Message] = field(default_factory=set)
    """Changed messages that went out, or were fetched by the target."""
    begun: set[str] = field(default_factory=set)
    """Names of the steps since the last `publish`: what they serve is in force."""
    now_in: str | None = None
    """The name of the step that runs now."""
    retry_after: float = 0.0
    """How many seconds the target asked to be left alone."""

    async def after_step(self) -> None:
        """Take in what a step has left: for roles that watch something on the way."""

    def __post_init__(self) -> None:
        """Begin with the secrets that the target file holds."""
        self.redactor = Redactor(self.world.secrets)

    def known(self) -> dict[str, Any]:
        """Return the placeholders and their values."""
        names: dict[str, Any] = {"now": int(self.world.now())}
        for site in self.sites.values():
            names.update(site.names())
        return names

    def places(self) -> dict[str, str]:
        """Return the URLs that a person may want to go to, by what they are."""
        return {name: site.origin + site.prefix for name, site in self.sites.items()}

    def changes(self, message: Message | None = None) -> list[Change]:
        """Return the changes in force, with their placeholders filled in."""
        if self.scenario is None:
            return []
        mine = [
            change
            for change in self.scenario.change
            if (message is None or change.in_ is message) and self._in_force(change)
        ]
        if not mine:
            return []
        known = self.known()
        return [
            Change(
                change.in_,
                change.at,
                change.op,
                expand(change.value, known),
                change.step,
            )
            for change in mine
        ]

    def _in_force(self, change: Change) -> bool:
        """Whether a change applies now.

        Without a step always; what we send, in its step; what we serve, from its step
        on until something else is published.
        """
        if change.step is None:
            return True
        if change.in_ not in _SERVED:
            return change.step == self.now_in
        return change.step in self.begun

    def record(
        self,
        message: str,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        response: Response | None,
        *,
        sender: str = "client",
        receiver: str = "target",
        changed: bool = False,
    ) -> int:
        """Emit one exchange and remember its number."""
        number = self.world.evidence.exchange(
            self.label,
            self.redactor,
            ExchangeRecord(
                sender,
                receiver,
                message,
                method,
                url,
                headers,
                body,
                response,
                changed=changed,
            ),
        )
        self.numbers.append(number)
        if response is not None and receiver == "target":
            self.retry_after = max(self.retry_after, seconds_to_wait(response))
        return number

    def on_served(
        self,
        message: str,
        request: Request,
        response: Response,
        changed: bool,
        receiver: str = "client",
    ) -> None:
        """Record that the target fetched something from us."""
        self.record(
            message,
            request.method,
            f"https://{request.host}{request.target}",
            request.headers,
            request.body,
            response,
            sender="target",
            receiver=receiver,
            changed=changed,
        )


def seconds_to_wait(response: Response) -> float:
    """Return what `Retry-After` of a 429 says (RFC 9110 section 10.2.3), 1 without."""
    if response.status != 429:
        return 0.0
    said = (response.header("retry-after") or "1").strip()
    if said.isdecimal():
        return float(said)
    try:
        moment = parsedate_to_datetime(said).timestamp()
        shown = parsedate_to_datetime(response.header("date") or "").timestamp()
    except (ValueError, TypeError):
        return 1.0
    return max(0.0, moment - shown)


StateT = TypeVar("StateT", bound=FlowState)


async def end_flow(state: StateT, finish: Callable[[StateT], Awaitable[None]]) -> None:
    """Take down what a flow has put up, or leave it up for a person to look at."""
    if state.world.keep_open and state.scenario is not None:
        kept = Kept(state.places(), functools.partial(finish, state))
        state.world.kept.append(kept)
        return
    await finish(state)


_SERVED = frozenset(
    {
        Message.CLIENT_DOCUMENT,
        Message.CLIENT_DOCUMENT_RESPONSE,
        Message.JWKS,
        Message.JWKS_RESPONSE,
        Message.LOGO_RESPONSE,
    }
)

_NEED_NOT_REACH = frozenset({Message.FLOW, Message.LOGO_RESPONSE})
"""What counts without delivery: variables stand in what is sent, and a server that
fetches no logos cannot be misled by one."""

VerbFunction = Callable[[StateT, Step], Awaitable[StepEnd]]


@dataclass(slots=True)
class Flow(Generic[StateT]):
    """Runs the steps of one flow with fresh identities."""

    state: StateT
    verbs: dict[Verb, VerbFunction[StateT]]
    steps: list[Step]
    after: dict[str, dict[Message, Any]] = field(default_factory=dict)

    async def run(self) -> FlowResult:
        """Go through the steps; stop at a refusal unless somebody asks beyond it."""
        ends: list[StepEnd] = []
        first = self._first_changed()
        state = self.state
        for position, step in enumerate(self.steps):
            state.now_in = step.name
            if step.do is Verb.PUBLISH:
                state.begun.clear()
            if step.name:
                state.begun.add(step.name)
            end = await self._step(step)
            ends.append(end)
            await state.after_step()
            if step.name:
                self.after[step.name] = dict(state.messages)
            if end.outcome is Outcome.COMPLETED:
                continue
            if position < first:
                why = (
                    f"The step {step.do.value!r} before the change ended: {end.detail}"
                )
                return self._result(ends, changed=False, why_not=why)
            if not self._asked(step.name):
                break
        return self._judge_delivery(ends)

    async def _step(self, step: Step) -> StepEnd:
        begin = len(self.state.numbers)
        try:
            end = await self.verbs[step.do](self.state, step)
        except (HttpError, OSError, TimeoutError, ForbiddenAddressError) as error:
            detail = f"no answer: {type(error).__name__} {error}"
            end = StepEnd(step.do, step.name, Outcome.NO_ANSWER, detail)
        numbers = tuple(self.state.numbers[begin:])
        return StepEnd(end.verb, step.name, end.outcome, end.detail, numbers)

    def _asked(self, name: str | None) -> bool:
        """Whether an expectation is about this step, so that the flow goes on."""
        scenario = self.state.scenario
        return bool(name and scenario and any(e.step == name for e in scenario.expect))

    def _position(self, change: Change) -> int | None:
        """Return the position of the first step that carries a change."""
        for position, step in enumerate(self.steps):
            named = change.step is not None and change.step == step.name
            carries = change.in_ in STEP_MESSAGES.get(step.do, ())
            if named or (change.step is None and carries):
                return position
        return None

    def _first_changed(self) -> int:
        """Return the position from which steps need not go as in the control."""
        scenario = self.state.scenario
        if scenario is None:
            return 0
        found = [self._position(change) for change in scenario.change]
        positions = [position for position in found if position is not None]
        asked = [p for p, step in enumerate(self.steps) if self._asked(step.name)]
        return min(positions + asked, default=0)

    def _judge_delivery(self, ends: list[StepEnd]) -> FlowResult:
        """Demand that the first change was really made: sent, or served."""
        state = self.state
        if state.scenario is None:
            return self._result(ends, changed=True)
        positions = {c.in_: self._position(c) for c in reversed(state.scenario.change)}
        reached = [p for p in positions.values() if p is not None]
        first = min(reached, default=0)
        wanted = {message for message, p in positions.items() if p in (first, None)}
        missing = sorted(m.value for m in wanted - state.sent - _NEED_NOT_REACH)
        why = f"The changed {', '.join(missing)} never reached the target."
        return self._result(ends, changed=not missing, why_not=why if missing else "")

    def _result(
        self, ends: list[StepEnd], *, changed: bool, why_not: str = ""
    ) -> FlowResult:
        last = next(
            (end for end in ends if end.outcome is not Outcome.COMPLETED), ends[-1]
        )
        return FlowResult(
            last.outcome,
            last.detail,
            ends,
            self.state.messages,
            changed,
            why_not,
            tuple(self.state.numbers),
            self.state.known(),
            self.state.redactor.text,
            self.after,
            self.state.retry_after,
        )
