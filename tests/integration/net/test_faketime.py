"""Real programs and the clock that they are shown."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from cimd_testbed.net import Command, FakeClock, TargetProcess, find_libfaketime

LIBRARY = find_libfaketime()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")

PYTHON = """
import asyncio, sys, time
async def main():
    loop = asyncio.get_running_loop()
    fired = asyncio.Event()
    loop.call_later(3600, fired.set)
    reader = asyncio.StreamReader()
    with open(sys.argv[1], "rb") as fifo:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), fifo)
        for _ in range(2):
            print(int(time.time()), int(time.monotonic()), fired.is_set(), flush=True)
            await reader.readline()
            await asyncio.sleep(0.01)
asyncio.run(main())
"""
NODE = """
let fired = false;
setTimeout(() => { fired = true }, 3600000);
const say = () => console.log(
  Math.floor(Date.now() / 1000), Math.floor(performance.now() / 1000), fired);
const fifo = require("fs").createReadStream(process.argv[2]);
let times = 0;
say();
fifo.on("data", () => setTimeout(() => { say(); process.exit(0) }, 10));
"""


def programs() -> list[object]:
    node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node")
    return [
        pytest.param(sys.executable, PYTHON, "program.py", id="python"),
        pytest.param("node", NODE, "program.cjs", id="node", marks=node),
    ]


@pytest.mark.parametrize(("runtime", "text", "name"), programs())
async def test_a_program_follows_with_its_timers(
    tmp_path: Path, runtime: str, text: str, name: str
) -> None:
    assert LIBRARY is not None
    (tmp_path / name).write_text(text)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    clock = FakeClock(LIBRARY, tmp_path / "clock", ahead=600)
    lines: asyncio.Queue[str] = asyncio.Queue()
    argv = [runtime, str(tmp_path / name), str(fifo)]
    command = Command(argv, clock.environment(os.environ))
    process = TargetProcess(command, lines.put_nowait)
    await process.start()
    try:
        writing = await asyncio.to_thread(os.open, fifo, os.O_WRONLY)
        async with asyncio.timeout(20):
            wall, monotonic, fired = (await lines.get()).split()
            assert abs(int(wall) - clock.now()) < 5
            assert abs(clock.now() - time.time() - 600) < 1
            assert fired.lower() == "false"
            clock.advance(7200)
            os.write(writing, b"go on\n")
            later_wall, later_monotonic, fired = (await lines.get()).split()
        os.close(writing)
    finally:
        await process.stop()
    assert abs(int(later_wall) - clock.now()) < 5
    assert int(later_wall) - int(wall) >= 7200
    assert int(later_monotonic) - int(monotonic) >= 7199
    assert fired.lower() == "true"


def test_what_was_preloaded_stays(tmp_path: Path) -> None:
    assert LIBRARY is not None
    clock = FakeClock(LIBRARY, tmp_path / "clock")
    environ = clock.environment({"LD_PRELOAD": "/other.so", "A": "b"})
    assert environ["LD_PRELOAD"] == f"{LIBRARY}:/other.so"
    assert environ["A"] == "b"
    assert (tmp_path / "clock").read_text() == "+600s\n"
    clock.advance(60.7)
    assert (tmp_path / "clock").read_text() == "+660s\n"
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]
