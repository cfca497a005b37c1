"""However the lab ends, nothing of it is left, and its exit says what happened."""

import contextlib
import fcntl
import os
import pty
import secrets
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

OUTER = """
import sys
from cimd_testbed.net.lab import run_lab
sys.exit(run_lab(sys.argv[1:]))
"""
LINGER = """
import os, signal, subprocess, sys, time
hold = "import time; time.sleep(300)"
subprocess.Popen([sys.executable, "-c", hold], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    time.sleep(300)
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
"""
COUNT = """
import signal, sys, time
seen = []
def note(number, frame):
    seen.append(signal.Signals(number).name)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, note)
print("ready", flush=True)
end = time.monotonic() + 20
while not seen and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(0.5)
print(*seen, flush=True)
sys.exit(9)
"""
SECONDS = 20


@pytest.fixture
def start():
    """Start the outer side with a mark in its environment, which is not there later."""
    token = secrets.token_hex(8)
    processes = []

    def start(*command, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | options
        process = subprocess.Popen(
            [sys.executable, "-c", OUTER, *command],
            env={**os.environ, "CIMD_TEST_TOKEN": token},
            stderr=subprocess.PIPE,
            **options,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
    assert gone(token), marked(token)


def marked(token):
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if token.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
    return found


def gone(token):
    end = time.monotonic() + 5
    while marked(token):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def ready(process):
    assert process.stdout.readline() == b"ready\n", process.stderr.read().decode()


def test_a_normal_end_passes_the_exit_code_and_the_streams(start):
    process = start(
        *("sh", "-c", "read line; echo got $line; exit 7"), stdin=subprocess.PIPE
    )
    out, errors = process.communicate(b"hello\n", timeout=SECONDS)
    assert (process.returncode, out, errors) == (7, b"got hello\n", b"")


def test_a_normal_end_leaves_no_orphan(start):
    process = start(sys.executable, "-c", LINGER, "0")
    process.wait(SECONDS)
    assert process.returncode == 0


def test_the_contacts_are_told(start):
    code = "import urllib.request as u; u.urlopen('http://169.254.169.254/x').read()"
    process = start(sys.executable, "-c", code)
    _, errors = process.communicate(timeout=SECONDS)
    assert errors.decode().splitlines() == [
        "tap: SYN 169.254.169.254:80",
        "http: 169.254.169.254:80 169.254.169.254/x",
    ]


def test_a_command_that_does_not_exist(start):
    process = start("/no/such/command")
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 127
    assert b"could not be started" in errors


def test_sigkill_of_the_outer_process_ends_everything(start):
    process = start(sys.executable, "-c", LINGER, "300")
    ready(process)
    process.kill()


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4])
def test_sigkill_at_any_moment(start, after):
    process = start(sys.executable, "-c", LINGER, "300")
    time.sleep(after)
    process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command_once(start, number):
    process = start(sys.executable, "-c", COUNT)
    ready(process)
    process.send_signal(number)
    out, _ = process.communicate(timeout=SECONDS)
    assert out.decode().split() == [number.name]
    assert process.returncode == 9


def test_a_command_that_dies_of_the_signal(start):
    process = start(sys.executable, "-c", LINGER, "300")
    ready(process)
    process.terminate()
    assert process.wait(SECONDS) == 128 + signal.SIGTERM


def test_ctrl_c_in_a_terminal_arrives_once(start):
    ours, theirs = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = start(
        *(sys.executable, "-c", COUNT), stdin=theirs, preexec_fn=take_terminal
    )
    os.close(theirs)
    ready(process)
    os.write(ours, b"\x03")
    out, _ = process.communicate(timeout=SECONDS)
    os.close(ours)
    assert out.decode().split() == ["SIGINT"]
    assert process.returncode == 9


def test_orphans_are_reaped(start):
    zombies = (
        "import pathlib, subprocess, sys, time\n"
        "for _ in range(20): subprocess.run(['sh', '-c', 'true & true'])\n"
        "time.sleep(0.3)\n"
        "states = [p.read_text().rpartition(')')[2].split()[0]"
        " for p in pathlib.Path('/proc').glob('[0-9]*/stat')]\n"
        "print(states.count('Z'))"
    )
    out, _ = start(sys.executable, "-c", zombies).communicate(timeout=SECONDS)
    assert out == b"0\n"
