"""The first process inside: reaps orphans, passes signals on, ends with the outside.

The program goes on as its child. So a stuck event loop cannot keep the lab alive, no
orphan stays a zombie, and nobody but the child's own code waits for its children. When
this process ends, the kernel kills everything in the pid namespace.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import NoReturn

from cimd_testbed.net._namespace import verify_namespace
from cimd_testbed.net.lab._outside import CONTROL, OUTSIDE, mount_namespace

_PASSED_ON = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_WAITED_FOR = _PASSED_ON | {signal.SIGCHLD}
SENT_BY_KERNEL = 0x80
"""`si_code` of a signal from the terminal: the whole process group has had it."""
_OUTSIDE_IS_GONE = 137


_state = {"own mounts": False}


def enter_lab() -> None:
    """Become the lab's program: call this first thing inside, before any thread.

    Returns in a child of the lab's first process. Raises `RuntimeError` when this
    process does not sit in network and mount namespaces of its own.
    """
    control = os.environ.pop(CONTROL, None)
    network, _, mounts = os.environ.pop(OUTSIDE, "").partition(",")
    if not network or mounts in ("", mount_namespace()):
        raise RuntimeError("This process was not started through `lab_argv`.")
    verify_namespace(network)
    if os.getpid() == 1:
        _split(None if control is None else int(control))
    _state["own mounts"] = True


def has_own_mounts() -> bool:
    """Whether `enter_lab` has found that mounts made here are seen inside alone."""
    return _state["own mounts"]


def _split(control: int | None) -> None:
    """Fork: the child returns, this process looks after it for ever."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    child = os.fork()
    if child == 0:
        if control is not None:
            os.close(control)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    if control is not None:
        watch = threading.Thread(target=_obey, args=(control, child), daemon=True)
        watch.start()
    _look_after(child)


def _obey(control: int, child: int) -> None:
    """Pass on what the outer process asks for; its end is ours."""
    while orders := os.read(control, 64):
        for signum in orders:
            _pass_on(child, signum)
    os._exit(_OUTSIDE_IS_GONE)


def _look_after(child: int) -> NoReturn:
    while True:
        info = signal.sigwaitinfo(_WAITED_FOR)
        if info.si_signo == signal.SIGCHLD:
            _reap(child)
        elif info.si_code != SENT_BY_KERNEL:
            _pass_on(child, info.si_signo)


def _reap(child: int) -> None:
    """Reap every process that has ended; exits when `child` is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _pass_on(child: int, signum: int) -> None:
    try:
        os.kill(child, signum)
    except ProcessLookupError:
        return
