"""Outside the lab: the command line that makes it, and the process that holds it.

Everything inside must die with the process that started it, also on SIGKILL at any
moment. Three things together do that: the kernel's parent-death signal on `unshare`,
`--kill-child` on the first process inside (whose end takes its whole pid namespace
along), and a control pipe of which only the outer process holds the writing end, for
the instants before those signals are armed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cimd_testbed.net._namespace import network_namespace

OUTSIDE = "CIMD_LAB_OUTSIDE"
"""Variable with the identities of the network and mount namespaces outside."""
CONTROL = "CIMD_LAB_CONTROL"
"""Variable with the descriptor of the control pipe: bytes are signals, its end is
the end of the lab."""
SOCKETS = "CIMD_LAB_SOCKETS"
"""Variable with the paths of Unix sockets bound outside, one a line."""
HANDED_OVER = (OUTSIDE, CONTROL, SOCKETS)

_NAMESPACES = (
    *("--user", "--map-root-user", "--net", "--mount", "--pid"),
    *("--fork", "--kill-child", "--mount-proc"),
)
_MAX_VARIABLE = 100_000
"""Linux takes 128 KiB for one argument."""


def mount_namespace() -> str:
    """Return the identity of this process's mount namespace, '' where unknown."""
    try:
        return str(Path("/proc/self/ns/mnt").readlink())
    except OSError:
        return ""


def lab_argv(inner: Sequence[str]) -> list[str]:
    """Return the command line that runs `inner` as first process of a fresh lab.

    The namespaces are made by util-linux, without privileges on the host. What only
    this side can see is handed over in the environment: which namespaces are outside,
    and which Unix sockets the host has, so that they can be masked.
    """
    return [
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", *_NAMESPACES, "--"),
        *("env", f"{OUTSIDE}={network_namespace()},{mount_namespace()}"),
        f"{SOCKETS}={_bound_sockets()}",
        *inner,
    ]


def _bound_sockets() -> str:
    """List the sockets of this network namespace outside `/run`, which is searched."""
    try:
        listing = Path("/proc/self/net/unix").read_text(errors="surrogateescape")
    except OSError:
        return ""
    columns = (line.split(None, 7) for line in listing.splitlines()[1:])
    paths = {column[7] for column in columns if len(column) == 8}
    found = (path for path in paths if path.startswith("/") and path[:5] != "/run/")
    return "\n".join(sorted(found))[:_MAX_VARIABLE]


class LabProcess:
    """The lab as seen from outside: signal it, wait for it; leaving ends it.

    `popen` is `setpriv`, then `unshare`: its streams are those of the first process
    inside, and its exit status is passed through.
    """

    def __init__(
        self,
        inner: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stdin: int | IO[bytes] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
        new_session: bool = False,
    ) -> None:
        control, self._control = os.pipe()
        handed = {CONTROL: str(control)}
        try:
            self.popen = subprocess.Popen(  # noqa: S603 - the caller's own command
                lab_argv(inner),
                env={**(os.environ if environ is None else environ), **handed},
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(*pass_fds, control),
                start_new_session=new_session,
            )
        except BaseException:
            os.close(self._control)
            raise
        finally:
            os.close(control)

    def send_signal(self, signum: int) -> None:
        """Deliver a signal to the process that the first one inside looks after.

        It goes through the control pipe, because `unshare` blocks SIGTERM and SIGINT.
        """
        if self.popen.poll() is None:
            os.write(self._control, bytes([signum]))

    def enter_argv(self) -> list[str]:
        """Return the command that gives a person a shell inside, or its beginning.

        Raises `OSError` when the lab has ended.
        """
        unshare = self.popen.pid
        listed = Path(f"/proc/{unshare}/task/{unshare}/children").read_text()
        if not listed.split():
            raise ProcessLookupError("The lab has ended.")
        namespaces = ("--user", "--net", "--mount", "--pid", "--preserve-credentials")
        return ["nsenter", "--target", listed.split()[0], *namespaces]

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of everything inside and return the exit status."""
        return self.popen.wait(timeout)

    def kill(self) -> None:
        """End the lab at once and wait until it is gone."""
        if self._control >= 0:
            os.close(self._control)
            self._control = -1
        self.popen.kill()
        self.popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                stream.close()
