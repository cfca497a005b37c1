"""Processes of a target: started in a session of their own, watched, and ended.

Output is read always and kept little, so that a chatty target is neither blocked nor
allowed to fill our memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cimd_testbed.net._listening import ListeningSocket, listening_sockets

TAIL_LINES = 200
LINE_BYTES = 4096
LINES_PER_SECOND = 1000
TOKEN = "CIMD_PROCESS"  # noqa: S105 - the name of a variable
"""Variable that marks a target's processes, so that those that left the process group
are found when it is stopped."""

OnLine = Callable[[str], None]


class ProcessError(RuntimeError):
    """The command could not be started."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start; `user` is a numeric id that the process sees as its own."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    cwd: Path | None = None
    user: int | None = None


class TargetProcess:
    """One running command and its descendants."""

    def __init__(self, command: Command, on_line: OnLine | None = None) -> None:
        self._command = command
        self._token = secrets.token_hex(16)
        self._output = _Output(on_line)
        self._popen: subprocess.Popen[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._transport: asyncio.ReadTransport | None = None
        self.exited = asyncio.Event()
        """Set when the command's own process has ended."""
        self.exit_code: int | None = None
        """Its exit code, or minus the number of the signal that ended it."""

    @property
    def pid(self) -> int:
        """The process id of the command, which leads its group."""
        assert self._popen is not None
        return self._popen.pid

    @property
    def tail(self) -> list[str]:
        """The last lines that it wrote, to stdout and stderr alike."""
        return list(self._output.tail)

    def listening(self) -> list[ListeningSocket]:
        """Return where the command and its descendants listen (Linux only)."""
        return listening_sockets(_marked(self._token))

    async def start(self) -> None:
        """Start the command; raises `ProcessError` when that fails."""
        reading, writing = os.pipe()
        try:
            self._popen = self._spawn(writing)
        except OSError as error:
            os.close(reading)
            raise ProcessError(
                f"{self._command.argv[0]!r} could not be started: {error}."
            ) from error
        finally:
            os.close(writing)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        self._reading = asyncio.create_task(self._output.read(reader))
        threading.Thread(
            target=self._await_exit, args=(loop, self._popen), daemon=True
        ).start()

    def _spawn(self, writing: int) -> subprocess.Popen[bytes]:
        argv, user = _as_user(list(self._command.argv), self._command)
        switches = user not in (None, os.geteuid())
        return subprocess.Popen(  # noqa: S603 - the target's own command
            argv,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            cwd=self._command.cwd,
            env={**self._command.environ, TOKEN: self._token},
            start_new_session=True,
            user=user,
            group=user if switches else None,
            extra_groups=[] if switches else None,
        )

    def _await_exit(
        self, loop: asyncio.AbstractEventLoop, popen: subprocess.Popen[bytes]
    ) -> None:
        """Learn of the end in a thread, which works for every event loop.

        The process stays a zombie where the system can leave it one, so that its group
        id cannot pass to somebody else before `stop`.
        """
        if hasattr(os, "waitid"):
            found = os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
            assert found is not None
            normal = found.si_code == os.CLD_EXITED
            code = found.si_status if normal else -found.si_status
        else:  # pragma: no cover - macOS
            code = popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._on_exit, code)

    def _on_exit(self, code: int) -> None:
        self.exit_code = code
        self.exited.set()

    async def wait(self) -> int:
        """Wait until the command's own process has ended; return its exit code."""
        await self.exited.wait()
        assert self.exit_code is not None
        return self.exit_code

    async def stop(self, grace: float = 5.0) -> None:
        """End the command and every descendant: first TERM, after `grace` KILL."""
        if self._popen is None:
            return
        if not self.exited.is_set():
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.exited.wait()
        self._signal(signal.SIGKILL)
        _kill_marked(self._token)
        await self.exited.wait()
        self._popen.wait()
        if self._reading is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reading, timeout=1)
        if self._transport is not None:
            self._transport.close()

    def _signal(self, signum: int) -> None:
        assert self._popen is not None
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signum)


class _Output:
    """Lines of output: a bounded tail, and a callback that a flood cannot swamp."""

    def __init__(self, on_line: OnLine | None) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._on_line = on_line
        self._second = 0
        self._told = 0
        self._untold = 0

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Read to the end; a line longer than `LINE_BYTES` is cut into several."""
        partial = b""
        while chunk := await reader.read(1 << 16):
            *lines, partial = (partial + chunk).split(b"\n")
            if len(lines) > 2 * LINES_PER_SECOND:
                left_out = len(lines) - LINES_PER_SECOND - TAIL_LINES
                self._untold += left_out
                del lines[LINES_PER_SECOND:-TAIL_LINES]
            for line in lines:
                self._take(line)
            while len(partial) > LINE_BYTES:
                self._take(partial[:LINE_BYTES])
                partial = partial[LINE_BYTES:]
        if partial:
            self._take(partial)
        self._tell_rest()

    def _take(self, line: bytes) -> None:
        text = line[:LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
        self.tail.append(text)
        if self._on_line is None:
            return
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._tell_rest()
            self._second, self._told = second, 0
        if self._told < LINES_PER_SECOND:
            self._told += 1
            self._on_line(text)
        else:
            self._untold += 1

    def _tell_rest(self) -> None:
        if self._untold and self._on_line is not None:
            self._on_line(f"[{self._untold} lines left out]")
        self._untold = 0


def _as_user(argv: list[str], command: Command) -> tuple[list[str], int | None]:
    """Return the command line, and the user to switch to, for `command.user`.

    Where only one user exists, as in a lab that was made, a second user namespace
    shows it under another id: programs that refuse to run as root are content.
    """
    user = command.user
    if user is not None and only_one_user():
        mapped = (f"--map-user={user}", f"--map-group={user}")
        return ["unshare", "--user", *mapped, "--", *argv], None
    if only_one_user() or shutil.which("setpriv") is None:
        return argv, user
    program = shutil.which(argv[0], path=command.environ.get("PATH"))
    if program is None or sys.platform != "linux" or user not in (None, os.geteuid()):
        return argv, user
    # Outside a lab of ours the target's own process at least dies with ours.
    return ["setpriv", "--pdeathsig", "KILL", "--", *argv], None


@functools.cache
def only_one_user() -> bool:
    """Whether this user namespace knows a single user, who may switch to no other."""
    try:
        lines = Path("/proc/self/uid_map").read_text().split()
    except OSError:
        return False
    return lines[2:] == ["1"]


def _marked(token: str) -> list[int]:
    """Return the processes that carry our mark (Linux only)."""
    mark = f"{TOKEN}={token}".encode()
    return [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if mark in _environ(entry)
    ]


def _kill_marked(token: str) -> None:
    """Kill what carries our mark but left the process group."""
    for _ in range(3):  # a process may fork while we look
        found = _marked(token)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _environ(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""
