"""The proof, inside: one honest run that records, then one run per flaw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cimd_certs import Authority
from cimd_conformance.catalogue import Instance, Profile, load_catalogue
from cimd_conformance.engine import (
    KITS,
    Engine,
    current_scenario,
    open_surroundings,
    powers_of,
    roles_of,
    select,
)
from cimd_conformance.model import (
    AnyEvent,
    Check,
    ConfigError,
    ExitCode,
    FlawTried,
    Job,
    Level,
    Role,
    RunFinished,
    ScenarioFinished,
    Status,
)
from cimd_conformance.prove._select import Recording
from cimd_testbed.flaws import FLAWS, Flaw, flawed
from cimd_testbed.reference import recording

Emit = Callable[[AnyEvent], None]
HONEST = "(honest)"


@dataclass(slots=True)
class Proof:
    """One proof: runs the reference again and again."""

    job: Job
    emit: Emit
    now: Callable[[], float]
    profile: Profile
    authority: Authority | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    judged: dict[str, list[Check]] = field(default_factory=dict)

    async def run(
        self, role: Role, checks: Any, instances: Iterable[Instance]
    ) -> dict[str, Status]:
        """Run instances against the reference of a role with these checks."""
        self.reasons, self.judged = {}, {}
        around = await open_surroundings(self.job, self._note, self.now, self.authority)
        self.authority = around.authority
        try:
            target = await KITS[role]().start_embedded(around, checks)
            powers = powers_of(self.job, around.network)
            engine = Engine(
                target,
                self.profile,
                around.leases,
                self._note,
                self.now,
                powers,
                closing=False,
            )
            try:
                return await engine.run(list(instances))
            finally:
                await target.close()
        finally:
            await around.network.close()

    def _note(self, event: AnyEvent) -> None:
        if isinstance(event, ScenarioFinished) and event.reason:
            self.reasons[event.id] = event.reason
        elif isinstance(event, Check):  # one per expectation, in the order of the file
            self.judged.setdefault(event.scenario, []).append(event)

    def report(self, flaw: str, check: str, title: str, got: dict[str, Status]) -> None:
        """Emit what became of the instances."""
        told = {
            name: self.reasons[name]
            for name, status in got.items()
            if status in (Status.INCONCLUSIVE, Status.ERROR) and name in self.reasons
        }
        self.emit(
            FlawTried(self.now(), flaw, check, title, got, told, self._illegal(got))
        )

    def _illegal(self, got: dict[str, Status]) -> dict[str, list[str]]:
        """Return by instance which parts were illegal, with their expectation."""
        found = {
            name: [
                f"{number} {part}"
                for number, check in enumerate(self.judged.get(name, ()), 1)
                for part in check.illegal
            ]
            for name in got
        }
        return {name: parts for name, parts in found.items() if parts}


async def prove_job(job: Job, emit: Emit, now: Callable[[], float]) -> int:
    """Run the proof of a job; the outer process judges what it emits."""
    roles = roles_of(job.role)
    catalogue = load_catalogue().instances
    plan = select(catalogue, job, roles)
    owed = named_flaws(plan) | set(job.flaws)
    flaws = chosen_flaws(job, roles, catalogue)
    proof = Proof(job, emit, now, demanding(plan))
    record = Recording()

    def sink(check: str, args: tuple[object, ...], result: object) -> None:
        record.add(current_scenario.get() or "", check, args, result)

    honest: dict[str, Status] = {}
    for role in roles:
        mine = [instance for instance in plan if instance.scenario.role is role]
        checks = recording(KITS[role]().honest(), sink)
        honest |= await proof.run(role, checks, mine)
    proof.report(HONEST, "", "no flaw", honest)
    for flaw in flaws:
        mine = [i for i in plan if i.scenario.role.value == flaw.role]
        if not job.full:
            mine = record.affected(mine, flaw.check, flaw.replacement)
        role = Role(flaw.role)
        checks = flawed(KITS[role]().honest(), flaw)
        if mine or flaw.id in owed:
            got = await proof.run(role, checks, mine) if mine else {}
            proof.report(flaw.id, flaw.check, flaw.title, got)
    emit(RunFinished(now(), "conformant", int(ExitCode.CONFORMANT), {}, now()))
    return 0


def demanding(plan: list[Instance]) -> Profile:
    """Return a profile in which every requirement that is asked for is a MUST.

    Whatever a profile of the field says, an illegal answer has to show in a proof.
    """
    asked = {expect.requirement for i in plan for expect in i.scenario.expect}
    return Profile("proof", "every requirement", dict.fromkeys(asked, Level.MUST), {})


def named_flaws(instances: Iterable[Instance]) -> set[str]:
    """Return the flaws that a scenario is there for."""
    return {flaw for instance in instances for flaw in instance.scenario.flaws}


def chosen_flaws(job: Job, roles: list[Role], catalogue: list[Instance]) -> list[Flaw]:
    """Return the flaws that the job asks for.

    Without names those that any scenario is there for, also one that is not to run: a
    part of an expectation may be proven by another scenario's flaw. With `full` all.
    """
    unknown = sorted(set(job.flaws) - set(FLAWS))
    if unknown:
        raise ConfigError(
            "unknown-flaw",
            f"There is no flaw {unknown[0]!r}.",
            "allowed: " + ", ".join(sorted(FLAWS)),
        )
    wanted = set(job.flaws) or (set(FLAWS) if job.full else named_flaws(catalogue))
    return [
        flaw
        for name, flaw in sorted(FLAWS.items())
        if Role(flaw.role) in roles and name in wanted
    ]
