"""The inner process as an object: start it, read its events, end it for certain."""

from __future__ import annotations

import collections
import contextlib
import os
import select
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import msgspec

from cimd_conformance.model import (
    AnyEvent,
    HarnessError,
    Job,
    RunFinished,
    decode_event,
)
from cimd_conformance.outer import _launch
from cimd_conformance.outer._scratch import remove_scratch_of

if TYPE_CHECKING:
    from cimd_testbed.net.lab import LabProcess

_CHUNK = 1 << 20
_STDERR_LINES = 200
_STDERR_LINE_BYTES = 4096
_LOOK_AGAIN_SECONDS = 0.25
_LEAVE_SECONDS = 10.0


class InnerProcess:
    """One inner process; as a context manager it leaves nothing behind."""

    def __init__(
        self, job: Job, argv: Callable[[Job, int], list[str]] | None = None
    ) -> None:
        self._job = job
        self._argv = argv or _launch.inner_argv
        self._stderr: collections.deque[str] = collections.deque(maxlen=_STDERR_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._lab: LabProcess | None = None
        self._events_fd = -1
        self._stop_asked = False
        self._stderr_reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process and hand it the job."""
        self._events_fd, theirs = os.pipe()
        try:
            _widen(self._events_fd)
            self._process = process = self._spawn(theirs)
        except OSError as error:
            raise HarnessError(
                "inner-not-started", f"The inner process did not start: {error}."
            ) from error
        finally:
            os.close(theirs)
        self._tell(msgspec.json.encode(self._job) + b"\n")
        if self._stop_asked:
            self._tell(b"stop\n")
        assert process.stderr is not None
        self._stderr_reader = threading.Thread(
            target=self._read_stderr, args=(process.stderr,), daemon=True
        )
        self._stderr_reader.start()

    def events(self) -> Iterator[AnyEvent]:
        """Yield events until the run finishes or the process is gone."""
        pending = b""
        for chunk in self._chunks():
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                event = _decode(line)
                yield event
                if isinstance(event, RunFinished):
                    return
        with contextlib.suppress(msgspec.MsgspecError):
            yield decode_event(pending)

    def ask_to_stop(self) -> None:
        """Ask for a graceful end; results so far are kept."""
        self._stop_asked = True
        self._tell(b"stop\n")

    def kill(self) -> None:
        """End the process and everything in its group at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stderr_tail(self) -> list[str]:
        """Return the last lines that the process wrote to stderr."""
        if self._stderr_reader is not None and self._gone():
            self._stderr_reader.join(timeout=1)
        return list(self._stderr)

    def enter_command(self) -> str:
        """Return how a person enters the lab; empty where there is none."""
        if self._lab is None:
            return ""
        try:
            return shlex.join(self._lab.enter_argv())
        except OSError:
            return ""

    def wait(self) -> int:
        """Wait for the end; return the exit code, or minus the number of a signal."""
        return 0 if self._process is None else self._process.wait()

    def close(self) -> None:
        """Close the control pipe, wait for the end, and make sure of it."""
        process = self._process
        if process is not None:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_LEAVE_SECONDS)
            self.kill()
            process.wait()
            remove_scratch_of(process.pid)
        if self._lab is not None:
            self._lab.kill()
        if self._stderr_reader is not None:
            self._stderr_reader.join(timeout=1)
        if self._events_fd >= 0:
            os.close(self._events_fd)
            self._events_fd = -1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        self.close()

    def _spawn(self, events_fd: int) -> subprocess.Popen[bytes]:
        argv = self._argv(self._job, events_fd)
        if self._job.network != "lab" or self._job.adopted:
            return _launch.start_plain(argv, events_fd)
        self._lab = _launch.start_in_lab(argv, events_fd)
        return self._lab.popen

    def _chunks(self) -> Iterator[bytes]:
        """Yield what arrives; ends also when a child of the inner keeps the pipe."""
        poller = select.poll()
        poller.register(self._events_fd, select.POLLIN | select.POLLHUP)
        while True:
            gone = self._gone()
            if not poller.poll(0 if gone else _LOOK_AGAIN_SECONDS * 1000):
                if gone:
                    return
                continue
            chunk = os.read(self._events_fd, _CHUNK)
            if not chunk:
                return
            yield chunk

    def _gone(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _tell(self, line: bytes) -> None:
        """Write to the control pipe; unbuffered, as signal handlers come here too."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError, ValueError):
            while line:
                line = line[os.write(self._process.stdin.fileno(), line) :]

    def _read_stderr(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(_STDERR_LINE_BYTES):
                self._stderr.append(line.decode("utf-8", "replace").rstrip("\r\n"))


def _decode(line: bytes) -> AnyEvent:
    try:
        return decode_event(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HarnessError(
            "inner-unreadable",
            f"The inner process wrote a line that is no event: {error}.",
        ) from error


def _widen(pipe: int) -> None:
    """Let the inner process run ahead of the writers, where the system can."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
    except (ImportError, AttributeError, OSError):
        pass
