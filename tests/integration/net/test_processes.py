"""Processes of a target: output, exit and end."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from cimd_testbed.net import Command, ProcessError, TargetProcess

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells the environment of a process"
)


def python(code, **options):
    return Command([sys.executable, "-c", code], dict(os.environ), **options)


async def run(code, on_line=None, **options):
    process = TargetProcess(python(code, **options), on_line)
    await process.start()
    async with asyncio.timeout(20):
        await process.wait()
        await process.stop()
    return process


async def test_lines_of_both_streams_are_told(tmp_path):
    lines = []
    code = (
        "import os, sys; print(os.getcwd(), flush=True);"
        "print('two', file=sys.stderr, flush=True); sys.stdout.write('th\\xfcree');"
        "sys.exit(3)"
    )
    process = await run(code, lines.append, cwd=tmp_path)
    assert lines[:2] == [str(tmp_path), "two"]
    assert lines[2].startswith("th")
    assert process.tail == lines
    assert process.exit_code == 3


async def test_a_flood_does_not_block_the_target_and_little_is_kept():
    lines = []
    code = "for n in range(300_000): print('x' * 50, n)"
    process = await run(code, lines.append)
    assert process.exit_code == 0
    assert len(process.tail) == 200
    assert process.tail[-1].endswith(" 299999")
    assert any(line.endswith("lines left out]") for line in lines)
    assert len(lines) < 30_000


async def test_a_line_without_end_is_cut():
    process = await run("print('x' * 100_000)")
    assert {len(line) for line in process.tail[:-1]} == {4096}


async def test_a_command_that_does_not_exist():
    process = TargetProcess(Command(["/no/such/program"], dict(os.environ)))
    with pytest.raises(ProcessError, match="could not be started"):
        await process.start()
    await process.stop()


async def test_the_exit_is_told_while_a_grandchild_holds_the_output():
    code = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    process = TargetProcess(python(code))
    await process.start()
    async with asyncio.timeout(10):
        assert await process.wait() == 0
        await process.stop()


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
time.sleep(60)
"""


def is_running(pid):
    try:
        state = Path("/proc", pid, "stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@linux_only
async def test_stop_ends_what_ignores_it_and_what_left_the_group():
    told = asyncio.get_running_loop().create_future()
    process = TargetProcess(python(STUBBORN), told.set_result)
    await process.start()
    async with asyncio.timeout(10):
        left_the_group = await told
        assert is_running(left_the_group)
        await process.stop(grace=0.2)
    assert process.exit_code == -signal.SIGKILL
    await asyncio.sleep(0.05)
    assert not is_running(left_the_group)


async def test_a_polite_target_is_asked_first():
    code = (
        "import signal, sys, time; signal.signal(15, lambda *a: sys.exit(4));"
        "print('ready', flush=True); time.sleep(60)"
    )
    ready = asyncio.Event()
    process = TargetProcess(python(code), lambda _line: ready.set())
    await process.start()
    async with asyncio.timeout(10):
        await ready.wait()
        start = time.monotonic()
        await process.stop()
    assert process.exit_code == 4
    assert time.monotonic() - start < 4
    await process.stop()


LISTENS = """
import os, socket, subprocess, sys, time
four = socket.create_server(("127.0.0.1", 0))
six = socket.create_server(("::1", 0), family=socket.AF_INET6)
if len(sys.argv) == 1:  # and so does a child that has left the process group
    subprocess.Popen([sys.executable, "-c", sys.orig_argv[2], "x"],
                     start_new_session=True)
print(four.getsockname()[1], six.getsockname()[1], flush=True)
time.sleep(600)
"""


@linux_only
@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
async def test_where_a_process_and_its_descendants_listen():
    lines: list[str] = []
    both = asyncio.Event()

    def on_line(line):
        lines.append(line)
        if len(lines) == 2:
            both.set()

    process = TargetProcess(python(LISTENS), on_line)
    await process.start()
    try:
        async with asyncio.timeout(20):
            await both.wait()
        ports = [[int(port) for port in line.split()] for line in lines]
        found = process.listening()
        assert {one.port for one in found} == {port for pair in ports for port in pair}
        assert {one.port for one in found if one.takes_ipv4_loopback} == {
            pair[0] for pair in ports
        }
        assert {str(one.address) for one in found} == {"127.0.0.1", "::1"}
    finally:
        await process.stop(grace=1.0)
    assert process.listening() == []
