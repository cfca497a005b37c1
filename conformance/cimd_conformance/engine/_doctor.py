"""`doctor`, inside: look at what a target needs, in the order in which things break.

The first thing that is wrong ends it. What comes before the network (the file, what
`prepare` does) is looked at outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cimd_conformance.engine._diagnosis import DiagnosedError
from cimd_conformance.engine._doctor_flows import Flows
from cimd_conformance.engine._findings import Findings
from cimd_conformance.engine._open import open_surroundings, start_target
from cimd_conformance.engine._phases import unless
from cimd_conformance.engine._ready import resolve
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.model import (
    AnyEvent,
    ExitCode,
    HarnessError,
    Job,
    RunFinished,
    SuiteError,
)
from cimd_conformance.target import load_target
from cimd_testbed.net.lab import LabNetwork

PROBE_NAME = "names.cimd-hosts.net"
FINE, BROKEN, INTERRUPTED = "fine", "broken", "interrupted"


async def doctor_job(
    job: Job,
    emit: Callable[[AnyEvent], None],
    now: Callable[[], float],
    stop: asyncio.Event,
) -> int:
    """Look at a target, or at the lab alone; return the exit code.

    0 says that all is fine, 2 that the file is wrong, 3 that the target is.
    """
    findings = Findings(emit, now, Path(job.target) if job.target else None)
    around = await open_surroundings(job, findings.hold, now)
    examination = Examination(job, around, findings, now)
    try:
        code = await unless(stop, examination.run())
    finally:
        await around.network.close()
    word = INTERRUPTED if code is None else BROKEN if code else FINE
    code = int(ExitCode.INCONCLUSIVE) if code is None else code
    stopped = word == INTERRUPTED
    emit(RunFinished(now(), word, code, examination.counts, now(), stopped))
    return code


@dataclass(slots=True)
class Examination:
    """One preflight."""

    job: Job
    around: Surroundings
    findings: Findings
    now: Callable[[], float]
    counts: dict[str, int] = field(default_factory=dict)
    """What `run` would do: scenarios to be run, not applicable, not run."""

    async def run(self) -> int:
        """Go through the steps; return the exit code."""
        await self._network()
        if self.job.target is None:
            return int(ExitCode.CONFORMANT)
        try:
            await self._target(Path(self.job.target))
        except DiagnosedError as error:
            self.findings.wrong(error.diagnosis, error.label)
            return int(error.exit_code)
        except HarnessError:
            raise
        except SuiteError as error:
            self.findings.error(error)
            return int(error.exit_code)
        return int(ExitCode.CONFORMANT)

    async def _target(self, path: Path) -> None:
        file = load_target(path)
        around = replace(self.around, told=self.findings.tell)
        emit = self.findings.emit
        running = await start_target(self.job, file.role, around, emit, self.now)
        try:
            flows = Flows(self.job, path, file, running, self.findings, self.now)
            self.counts = await flows.examine()
        finally:
            await running.close()

    async def _network(self) -> None:
        """See that names resolve in the lab as they would for a target."""
        network, leases = self.around.network, self.around.leases
        if not isinstance(network, LabNetwork):
            self.findings.tell(
                "network",
                "loopback: 127.0.0.1 and ports.",
                mend="Scenarios that need names, public addresses or canaries are not "
                "run here. `cimd-conformance doctor` without a target says what the "
                "lab needs.",
            )
            return
        address = await leases.lease("doctor", None, "names")
        network.zone.point(PROBE_NAME, address)
        found = await resolve(PROBE_NAME)
        await leases.release("doctor")
        if str(address) not in found:
            heard = ", ".join(found) or "no answer"
            text = f"The names of the lab do not resolve in it: {heard}."
            raise HarnessError("lab-names", text)
        families = "IPv4 and IPv6" if network.ipv6 else "IPv4 (this kernel has no IPv6)"
        whose = "your network" if self.job.adopted else "namespaces of its own"
        self.findings.tell("network", f"lab: {whose}, {families}; every name is ours.")
