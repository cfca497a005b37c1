"""The inner process: one job, one stream of events, one control pipe."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cimd_conformance.model import (
    AnyEvent,
    ExitCode,
    HarnessError,
    Job,
    RunFinished,
    SuiteError,
    encode_event,
)


@dataclass(slots=True)
class Out:
    """The event stream: one line per event, written once per turn of the loop."""

    fd: int
    begun: float = field(default_factory=time.monotonic)
    broken: bool = False
    _pending: list[bytes] = field(default_factory=list)

    def now(self) -> float:
        """Return seconds since the run started."""
        return time.monotonic() - self.begun

    def emit(self, event: AnyEvent) -> None:
        """Write one event; a reader that went away is not an error here."""
        self._pending.append(encode_event(event))
        if len(self._pending) > 1:
            return  # a flush is on its way
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        data = b"".join(line + b"\n" for line in self._pending)
        self._pending.clear()
        try:
            while data and not self.broken:
                data = data[os.write(self.fd, data) :]
        except OSError:
            self.broken = True


def run_inner(line: bytes, events_fd: int) -> int:
    """Run a job and return the exit code."""
    out = Out(events_fd)
    try:
        job = msgspec.json.decode(line, type=Job)
        return asyncio.run(_run(job, out))
    except SuiteError as error:
        out.emit(_failed(out, error))
        return int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        traceback.print_exc(file=sys.stderr)
        wrong = HarnessError("inner", f"{type(error).__name__}: {error}")
        out.emit(_failed(out, wrong))
        return int(ExitCode.OWN_ERROR)
    finally:
        out.flush()


def _failed(out: Out, error: SuiteError) -> RunFinished:
    details: dict[str, Any] = {
        "error": {"code": error.code, "message": error.message, "hint": error.hint}
    }
    verdict_word = "error" if isinstance(error, HarnessError) else "inconclusive"
    return RunFinished(
        out.now(), verdict_word, int(error.exit_code), {}, out.now(), details=details
    )


def watch_control(stop: asyncio.Event) -> None:
    """Stop on the line `stop`; end at once when nobody listens any more."""
    loop = asyncio.get_running_loop()

    def readable() -> None:
        data = os.read(0, 4096)
        if not data:
            loop.remove_reader(0)
            for task in asyncio.all_tasks(loop):
                task.cancel()
        elif b"stop" in data:
            stop.set()

    loop.add_reader(0, readable)


async def _run(job: Job, out: Out) -> int:
    stop = asyncio.Event()
    watch_control(stop)
    if job.kind == "prove":
        from cimd_conformance.prove.inner import prove_job  # noqa: PLC0415 - its own job

        return await prove_job(job, out.emit, out.now)
    if job.kind == "init":
        from cimd_conformance.init.inner import init_job  # noqa: PLC0415 - likewise

        return await init_job(job, out.emit, out.now, stop)
    if job.kind == "doctor":
        from cimd_conformance.engine.doctor import doctor_job  # noqa: PLC0415 - likewise

        return await doctor_job(job, out.emit, out.now, stop)
    from cimd_conformance.engine import run_job  # noqa: PLC0415 - likewise

    return await run_job(job, out.emit, out.now, stop)
