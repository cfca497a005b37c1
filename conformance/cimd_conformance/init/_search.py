"""Make the legitimate flows work: try one difference after another, keep what helps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cimd_conformance.init._bench import Bench
from cimd_conformance.init._draft import Candidate, Draft, Shape, Trial

TRIALS = 60
"""So many differences are tried for one shape."""

Propose = Callable[[Draft, Trial], Iterable[Candidate]]


@dataclass(slots=True)
class Search:
    """One search; `works` and `fails` tell the shapes apart."""

    bench: Bench
    say: Callable[[str, str], None]
    propose: Propose
    works: list[str] = field(default_factory=list)
    fails: dict[str, str] = field(default_factory=dict)

    async def make_work(self, draft: Draft, shape: Shape | None) -> Draft:
        """Return the draft with which a legitimate flow works, or got furthest."""
        trial = await self.bench.trial(draft.file, shape)
        name = shape.id if shape else "starts"
        if not trial.done:
            self.say("control", f"{name}: {_ended(trial)}")
        budget = TRIALS
        while not trial.done and budget > 0:
            better, budget = await self._better(draft, trial, shape, budget)
            if better is None:
                break
            draft, trial = better
        if shape is not None:
            self._note(shape, trial)
            if trial.done:
                self.say("control", f"{shape.id}: works")
        return draft

    async def _better(
        self, draft: Draft, trial: Trial, shape: Shape | None, budget: int
    ) -> tuple[tuple[Draft, Trial] | None, int]:
        """Try candidates until one gets further."""
        for candidate in self.propose(draft, trial):
            if budget <= 0:
                break
            budget -= 1
            found = await self.bench.trial(candidate.file, shape)
            other = candidate.asked_for and found.said != trial.said
            if found.further_than(trial) or (other and found.steps >= trial.steps):
                how = "works" if found.done else f"gets further: {_ended(found)}"
                self.say("tries", f"{candidate.label}: {how}")
                return (draft.with_(candidate.file, candidate.remarks), found), budget
            self.say("tries", f"{candidate.label}: no")
        return None, budget

    def _note(self, shape: Shape, trial: Trial) -> None:
        self.fails.pop(shape.id, None)
        if trial.done:
            self.works.append(shape.id)
        else:
            self.fails[shape.id] = _ended(trial)

    async def confirm(self, draft: Draft, shapes: Iterable[Shape]) -> None:
        """Start anew with the final file, and see each flow work once more."""
        await self.bench.close()
        self.works.clear()
        for shape in shapes:
            self._note(shape, await self.bench.trial(draft.file, shape))
        said = f"{len(self.works)} of {len(self.works) + len(self.fails)} flows work"
        self.say("confirms", f"{said} with a fresh start")


def _ended(trial: Trial) -> str:
    """Say in a line how a trial ended."""
    first = " ".join(line.strip() for line in trial.detail.splitlines())
    more = f" — {trial.said}" if trial.said and trial.said not in first else ""
    return f"{first}{more}"


def failed(draft: Draft, name: str, reason: str) -> Draft:
    """Mark a flow that does not work yet."""
    return draft.say("", f"{name} does not work yet: {reason}", todo=True)
