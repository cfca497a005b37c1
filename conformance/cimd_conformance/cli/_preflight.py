"""The preflight, outside: the file, what `prepare` does, the machine; then a job."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cimd_conformance.cli._network import network_for_target
from cimd_conformance.cli._suite import show_inner_output
from cimd_conformance.cli._target_file import check_target
from cimd_conformance.model import (
    ConfigError,
    ExitCode,
    Finding,
    FindingStatus,
    Job,
    RunFinished,
    TargetError,
)
from cimd_conformance.outer import run_job
from cimd_conformance.reports.doctor import DoctorWriter
from cimd_conformance.target import (
    TargetFile,
    cache_dir,
    field_places,
    load_target,
    prepare_target,
)
from cimd_testbed.net.lab import adoption_obstacles, lab_obstacles


@dataclass(slots=True)
class Preflight:
    """What is looked at before anything starts, and the job that looks at the rest."""

    writer: DoctorWriter
    name: str
    """The target file as it was given, '' for the machine alone."""

    @classmethod
    def start(cls, name: str, json_path: str | None) -> Self:
        """Begin to write."""
        return cls(DoctorWriter.for_terminal(name, json_path=json_path), name)

    # --- a target -------------------------------------------------------------------

    def target(
        self, path: Path, *, network: str | None, ca: str | None, profile: str
    ) -> int:
        """Look at a target; return the exit code."""
        try:
            file = self._file(path)
            self._prepare(path, file)
            chosen = network_for_target(network, running=file.runs_already)
        except ConfigError as error:
            self._find("file", error.message, error.code, error.hint)
            return self._end(int(error.exit_code))
        except TargetError as error:
            places = field_places(path, ("server.prepare",))
            self._find("prepare", error.message, error.code, error.hint, places)
            return self._end(int(error.exit_code))
        job = Job(
            kind="doctor",
            target=self.name,
            network=chosen.name,
            adopted=chosen.adopted,
            role=file.role.value,
            profile=profile,
            ca=ca,
        )
        return self._job(job)

    def _file(self, path: Path) -> TargetFile:
        check_target(self.name)
        file = load_target(path)
        self._find("file", f"{file.name}: {file.role.value}.")
        return file

    def _prepare(self, path: Path, file: TargetFile) -> None:
        if not file.server.prepare:
            return
        ran: list[str] = []
        prepare_target(path, file, lambda line: self._running(ran, line))
        done = f"{len(ran)} commands have run" if ran else "was done before"
        self._find("prepare", f"{done}: {cache_dir(path, file)}")

    def _running(self, ran: list[str], line: str) -> None:
        ran.append(line)
        self.writer.say(f"prepare: {line}")

    def _job(self, job: Job) -> int:
        end = run_job(job, lambda: [self.writer])
        show_inner_output(end)
        if end.error is not None and end.finished.exit_code != ExitCode.CTRL_C:
            raise end.error
        return end.finished.exit_code

    # --- the machine ----------------------------------------------------------------

    def machine(self) -> int:
        """Look at this machine; return the exit code."""
        self._find("python", f"Python {platform.python_version()} at {sys.executable}")
        system = f"{platform.system()} {platform.release()} ({platform.machine()})"
        self._find("system", system)
        obstacles = lab_obstacles()
        adopted = bool(obstacles) and not adoption_obstacles()
        if obstacles and not adopted:
            for obstacle in obstacles:
                self._find("lab", obstacle.what, obstacle.code, obstacle.allow)
            return self._end(int(ExitCode.USAGE))
        made = "A trial lab could be made: own namespaces, own mounts."
        ours = "This network has no way out: it is the lab (docs/lab.md)."
        self._find("lab", ours if adopted else made)
        return self._job(Job(kind="doctor", network="lab", adopted=adopted))

    # --- telling --------------------------------------------------------------------

    def _find(
        self,
        step: str,
        what: str,
        code: str = "",
        mend: str = "",
        places: list[str] | None = None,
    ) -> None:
        status = FindingStatus.WRONG if code else FindingStatus.FINE
        self.writer.event(Finding(0.0, step, status, what, code, mend, places or []))

    def _end(self, code: int) -> int:
        self.writer.event(RunFinished(0.0, "broken", code, {}, 0.0))
        self.writer.finish()
        return code
