"""Inside the lab: tries every socket of the host, twice."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from busy_host import look

from cimd_testbed.net.lab import LabNetwork, enter_lab


async def main() -> None:
    """Say what is reached before and after the host's daemons were restarted."""
    network = LabNetwork()
    await network.start()
    say({**await asyncio.to_thread(look), "shown": shown()})
    await asyncio.to_thread(sys.stdin.readline)
    say(await asyncio.to_thread(look))
    await network.close()


def shown() -> list[str]:
    """Return what is seen of the harmless parts of `/run`."""
    files = (Path("/run/harmless/file"), Path("/run/stamp"))
    names = sorted(path.name for path in Path("/run/link").iterdir())
    return [*(file.read_text() for file in files), *names]


def say(value: dict[str, object]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    enter_lab()
    asyncio.run(main())
