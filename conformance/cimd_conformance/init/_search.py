"""Make the legitimate flows work: try one difference after another, keep what helps."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from cimd_conformance.init._bench import Bench
from cimd_conformance.init._draft import Candidate, Draft, Shape, Trial
from cimd_conformance.model import FAILED_TRY
from cimd_conformance.reports.text import shortened

SHOWN = 160
"""So many characters of the target's words are shown."""
OPTIONAL = ("refresh", "revocation", "introspection")
ON_PURPOSE = (
    'If that is on purpose, say so under [disable], as "as/refresh/*" = "It issues no '
    'refresh tokens.".'
)
TRIALS = 60
"""So many differences are tried for one shape."""

Propose = Callable[[Draft, Trial], Iterable[Candidate]]


@dataclass(frozen=True, slots=True)
class State:
    """A draft, and how far a legitimate flow got with it."""

    draft: Draft
    trial: Trial
    label: str = ""
    """What is different since a state got further."""

    def with_(self, candidate: Candidate, trial: Trial) -> State:
        """Return the state with one difference more."""
        draft = self.draft.with_(candidate.file, candidate.remarks)
        label = f"{self.label}, {candidate.label}" if self.label else candidate.label
        return State(draft, trial, label)


@dataclass(slots=True)
class Search:
    """One search; `works` and `fails` tell the shapes apart."""

    bench: Bench
    say: Callable[[str, str], None]
    propose: Propose
    works: list[str] = field(default_factory=list)
    fails: dict[str, Trial] = field(default_factory=dict)
    last: Trial | None = None
    """How far the flow got that was made to work last."""
    _hopeless: set[tuple[str, str]] = field(default_factory=set)
    """Where shapes ended, and with what words, after everything had been tried."""

    async def make_work(self, draft: Draft, shape: Shape | None) -> Draft:
        """Return the draft with which a legitimate flow works, or got furthest."""
        state = State(draft, await self.bench.trial(draft.file, shape))
        name = shape.id if shape else "starts"
        if not state.trial.done:
            how = ended(state.trial) if self._worth(state.trial) else "likewise"
            self.say("control", f"{name}: {how}")
            state = await self._improve(state, shape)
        self.last = state.trial
        if shape is not None:
            self._note(shape, state.trial)
            if state.trial.done:
                self.say("control", f"{name}: works")
        return state.draft

    async def _improve(self, best: State, shape: Shape | None) -> State:
        """Try what is proposed, and what is proposed then, as long as it gets further.

        A difference that only makes the target say something else is kept in mind, and
        built upon when nothing else helps.
        """
        tries = itertools.count(1)
        waiting: deque[State] = deque([best])
        heard = {best.trial.words}
        while waiting and not best.trial.done and self._worth(best.trial):
            better = await self._explore(waiting.popleft(), best, shape, heard, tries)
            if isinstance(better, list):
                waiting.extend(better)
            else:
                best, heard = replace(better, label=""), {better.trial.words}
                waiting = deque([best])
        if not best.trial.done:
            self._hopeless.add((best.trial.step, best.trial.words))
        return best

    def _worth(self, trial: Trial) -> bool:
        """Whether no other shape has ended there after everything had been tried."""
        return (trial.step, trial.words) not in self._hopeless

    async def _explore(
        self,
        start: State,
        best: State,
        shape: Shape | None,
        heard: set[str],
        tries: Iterator[int],
    ) -> State | list[State]:
        """Return a state that gets further, or those with which the words changed."""
        others: list[State] = []
        for candidate in self.propose(start.draft, start.trial):
            if next(tries) > TRIALS:
                break
            found = await self.bench.trial(candidate.file, shape)
            state = start.with_(candidate, found)
            further = found.further_than(best.trial)
            new = found.steps == best.trial.steps and found.words not in heard
            heard.add(found.words)
            if further or (new and candidate.asked_for):
                how = "works" if found.done else f"gets further: {ended(found)}"
                self.say("tries", f"{state.label}: {how}")
                return state
            self.say(FAILED_TRY, f"{state.label}: no")
            if new:
                others.append(state)
        return others

    def _note(self, shape: Shape, trial: Trial) -> None:
        self.fails.pop(shape.id, None)
        if trial.done:
            self.works.append(shape.id)
        else:
            self.fails[shape.id] = trial

    async def confirm(self, draft: Draft, shapes: Iterable[Shape]) -> None:
        """Start anew with the final file, and see each flow work once more."""
        await self.bench.close()
        self.works.clear()
        for shape in shapes:
            self._note(shape, await self.bench.trial(draft.file, shape))
        said = f"{len(self.works)} of {len(self.works) + len(self.fails)} flows work"
        self.say("confirms", f"{said} with a fresh start")


def ended(trial: Trial) -> str:
    """Say in a line how a trial ended: why, where that is known."""
    if trial.cause:
        return shortened(" ".join(trial.cause.split()), 2 * SHOWN)
    first = " ".join(line.strip() for line in trial.detail.splitlines())
    said = shortened(trial.said, SHOWN)
    more = f" — {said}" if said and said not in first else ""
    return f"{shortened(first, 2 * SHOWN)}{more}"


def explained(trial: Trial) -> str:
    """Say how a trial ended, and what to do about it."""
    return f"{ended(trial)} {' '.join(trial.mend.split())}".strip()


def failed(draft: Draft, fails: dict[str, Trial]) -> Draft:
    """Mark the flows that do not work yet, those that ended alike together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, trial in fails.items():
        alike.setdefault((trial.step, trial.words), []).append(name)
    for names in alike.values():
        trial = fails[names[0]]
        verb = "does" if len(names) == 1 else "do"
        said = f"{', '.join(names)} {verb} not work yet. {explained(trial)}"
        if all(fails[name].shape.flow in OPTIONAL for name in names):
            said = f"{said} {ON_PURPOSE}"
        draft = draft.say(trial.about, said, todo=True)
    return draft
