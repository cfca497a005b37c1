# ruff: noqa: T201 - prints its results
"""How long the lab takes: `python tests/integration/lab/bench_lab.py`."""

import statistics
import subprocess
import sys
import time

from cimd_testbed.net.lab import LabProcess, lab_argv

ROUNDS = 10
SET_UP = """
import time
start = time.perf_counter()
from cimd_testbed.net.lab import LabNetwork, enter_lab
imported = time.perf_counter()
enter_lab()
import asyncio
async def main():
    network = LabNetwork(b"# no CA\\n")
    entered = time.perf_counter()
    await network.start()
    started = time.perf_counter()
    await network.close()
    closed = time.perf_counter()
    print(imported - start, entered - imported, started - entered, closed - started)
asyncio.run(main())
"""
STEPS = ("import", "enter_lab", "LabNetwork.start", "LabNetwork.close")


def inner():
    with LabProcess([sys.executable, "-c", SET_UP], stdout=subprocess.PIPE) as lab:
        out, _ = lab.popen.communicate()
    return [float(text) for text in out.split()]


def process():
    subprocess.run([sys.executable, "-c", "import asyncio"], check=True)


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main():
    rows = [inner() for _ in range(ROUNDS)]
    for step, column in zip(STEPS, zip(*rows, strict=True), strict=True):
        print(f"{step:18} {statistics.median(column) * 1000:7.1f} ms")
    namespaces = [
        timed(lambda: subprocess.run(lab_argv(["true"]), check=True))
        for _ in range(ROUNDS)
    ]
    print(f"{'namespaces alone':18} {statistics.median(namespaces) * 1000:7.1f} ms")
    bare = statistics.median(timed(process) for _ in range(ROUNDS))
    whole = statistics.median(timed(inner) for _ in range(ROUNDS))
    print(f"{'a bare process':18} {bare * 1000:7.1f} ms")
    print(f"{'everything':18} {whole * 1000:7.1f} ms, {whole / bare:.1f} times that")


if __name__ == "__main__":
    main()
