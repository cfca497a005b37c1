"""The proof, inside: one honest run that records, then one run per flaw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cimd_certs import Authority
from cimd_conformance.catalogue import Instance, Profile, load_catalogue, load_profile
from cimd_conformance.engine import (
    Engine,
    ScenarioLeases,
    Surroundings,
    current_scenario,
    open_network,
    select,
    start_embedded,
)
from cimd_conformance.evidence import Evidence
from cimd_conformance.model import (
    AnyEvent,
    ConfigError,
    ExitCode,
    FlawTried,
    Job,
    Level,
    RunFinished,
    ScenarioFinished,
    Status,
)
from cimd_conformance.prove._select import Recording
from cimd_testbed.flaws import FLAWS, Flaw, flawed
from cimd_testbed.reference.authorization_server import Checks, recording

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

    async def run(
        self, checks: Checks, instances: Iterable[Instance]
    ) -> dict[str, Status]:
        """Run instances against the reference with these checks."""
        self.reasons = {}
        network, authority = await open_network(self.job, self.authority)
        self.authority = authority
        leases = ScenarioLeases()
        evidence = Evidence(self._note, self.now)
        network.contacts.listeners.append(evidence.on_contact)
        around = Surroundings(network, authority, evidence, leases, self.job.seed)
        running = await start_embedded(around, checks)
        powers = network.powers | {"clock"}
        engine = Engine(running, self.profile, leases, self._note, self.now, powers)
        try:
            return await engine.run(list(instances))
        finally:
            await running.close()

    def _note(self, event: AnyEvent) -> None:
        if isinstance(event, ScenarioFinished) and event.reason:
            self.reasons[event.id] = event.reason

    def report(self, flaw: str, check: str, title: str, got: dict[str, Status]) -> None:
        """Emit what became of the instances."""
        told = {
            name: self.reasons[name]
            for name, status in got.items()
            if status in (Status.INCONCLUSIVE, Status.ERROR) and name in self.reasons
        }
        self.emit(FlawTried(self.now(), flaw, check, title, got, told))


async def prove_inner(job: Job, emit: Emit, now: Callable[[], float]) -> int:
    """Run the proof of a job; the outer process judges what it emits."""
    flaws = chosen_flaws(job)
    plan = select(load_catalogue().instances, job)
    # Whatever a profile says, every illegal answer has to show.
    levels = dict.fromkeys(load_profile("hardened").levels, Level.MUST)
    demanded = {e.requirement for i in plan for e in i.scenario.expect}
    levels.update(dict.fromkeys(demanded, Level.MUST))
    profile = replace_levels(load_profile("hardened"), levels)
    proof = Proof(job, emit, now, profile)
    record = Recording()

    def sink(check: str, args: tuple[object, ...], result: object) -> None:
        record.add(current_scenario.get() or "", check, args, result)

    honest = await proof.run(recording(Checks(), sink), plan)
    proof.report(HONEST, "", "no flaw", honest)
    for flaw in flaws:
        affected = (
            plan if job.full else record.affected(plan, flaw.check, flaw.replacement)
        )
        got = await proof.run(flawed(Checks(), flaw), affected) if affected else {}
        proof.report(flaw.id, flaw.check, flaw.title, got)
    emit(RunFinished(now(), "conformant", int(ExitCode.CONFORMANT), {}, now()))
    return 0


def replace_levels(profile: Profile, levels: dict[str, Level]) -> Profile:
    """Return the profile with other levels."""
    return Profile(profile.id, profile.title, levels, profile.conflicts)


def chosen_flaws(job: Job) -> list[Flaw]:
    """Return the flaws of the job's role that it asks for."""
    unknown = sorted(set(job.flaws) - set(FLAWS))
    if unknown:
        raise ConfigError(
            "unknown-flaw",
            f"There is no flaw {unknown[0]!r}.",
            "allowed: " + ", ".join(sorted(FLAWS)),
        )
    return [
        flaw
        for name, flaw in sorted(FLAWS.items())
        if flaw.role == job.role and (not job.flaws or name in job.flaws)
    ]
