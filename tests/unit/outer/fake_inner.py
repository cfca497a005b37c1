"""An inner process that plays events from a file, and misbehaves on request.

    fake_inner.py MODE EVENTS.ndjson --events-fd N

It imports nothing of ours: what the outer process can rely on is the protocol only.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

mode, file, _, number = sys.argv[1:5]
out = int(number)
lines = Path(file).read_bytes().splitlines(keepends=True)
job = json.loads(sys.stdin.buffer.readline())


def write(data: bytes) -> None:
    while data:
        data = data[os.write(out, data) :]


def stopped_footer() -> bytes:
    footer = json.loads(lines[-1])
    footer |= {"interrupted": True, "verdict": "interrupted", "exit_code": 3}
    return json.dumps(footer).encode() + b"\n"


def play() -> None:
    write(b"".join(lines))


def slowly() -> None:
    for line in lines:
        write(line)
        time.sleep(0.02)


def dies() -> None:
    write(b"".join(lines[:-3]))
    sys.stderr.write("Traceback (most recent call last):\nKeyError: 'boom\x1b[2J'\n")
    sys.stderr.flush()
    os._exit(7)


def killed() -> None:
    write(b"".join(lines[:3]))
    os.kill(os.getpid(), signal.SIGKILL)


def truncated() -> None:
    write(b"".join(lines[:-1]) + lines[-1][:20])


def whole_last_line_without_newline() -> None:
    write(b"".join(lines).rstrip(b"\n"))


def nonsense() -> None:
    write(lines[0] + b'{"event":"surprise","at":1}\n')
    time.sleep(60)


def silent() -> None:
    pass


def refuses() -> None:
    error = {"code": "unknown-flaw", "message": "There is no flaw 'x'.", "hint": "See."}
    footer = json.loads(lines[-1])
    footer |= {"verdict": "error", "exit_code": 2, "details": {"error": error}}
    write(json.dumps(footer).encode() + b"\n")


def floods() -> None:
    one = next(line for line in lines if b'"exchange"' in line)
    write(lines[0])
    for _ in range(100):
        write(one * 1000)
    write(lines[-1])


def chatters() -> None:
    for index in range(20_000):
        sys.stderr.write(f"noise {index}\n")
    play()


def waits() -> None:
    write(b"".join(lines[:4]))
    for line in sys.stdin.buffer:
        if line == b"stop\n":
            write(stopped_footer())
            return


def deaf() -> None:
    write(b"".join(lines[:4]))
    time.sleep(60)


def leaves_a_child() -> None:
    """Die while a child keeps the event pipe open."""
    code = "import time; time.sleep(60)"
    subprocess.Popen([sys.executable, "-c", code], pass_fds=(out,))
    write(b"".join(lines[:3]))
    os._exit(1)


def stays() -> None:
    """Finish the run but do not leave before the control pipe closes."""
    play()
    sys.stdin.buffer.read()


def environment() -> None:
    """Report the job that arrived, and the group this process is in."""
    footer = json.loads(lines[-1])
    link = Path("/proc/self/ns/net")
    namespace = str(link.readlink()) if link.exists() else ""
    own_group = os.getpgid(0) == os.getpid()
    footer["details"] = {"job": job, "own_group": own_group}
    footer["details"]["net"] = namespace
    write(json.dumps(footer).encode() + b"\n")


globals()[mode.replace("-", "_")]()
