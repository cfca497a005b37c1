"""A client that is a command: it connects to one server and ends.

The contract of the official conformance suite holds: the server's URL is the last
argument, `MCP_CONFORMANCE_SCENARIO` and `MCP_CONFORMANCE_CONTEXT` say the rest, and the
exit code tells how it went.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cimd_conformance.engine._process import OnLine, Placed, free_port
from cimd_conformance.flows.agent_host import Ended, Ending, Errand
from cimd_conformance.model import TargetError
from cimd_testbed.net import Command, ProcessError, TargetProcess
from cimd_testbed.parties import PIPE_VARIABLE, OpenedUrls, install_openers

_URL = re.compile(r"[a-z][a-z0-9+.-]*:[^\s\"'<>]*[?&]response_type=code[^\s\"'<>]*")


@dataclass(slots=True)
class CommandDriver:
    """Starts the command once per errand."""

    placed: Placed
    on_line: OnLine
    _serial: itertools.count[int] = field(default_factory=itertools.count)
    _openers: Path = field(init=False)

    def __post_init__(self) -> None:
        """Install the openers."""
        state = Path(self.placed.names["state"])
        self._openers = install_openers(state / "openers").parent

    async def connect(self, errand: Errand) -> Ended:
        """Run the command to its end, or to the end of its time."""
        client = self.placed.target.client
        names = self._names(errand)
        pipe = Path(self.placed.names["state"]) / f"opened-{next(self._serial)}"
        command = Command(
            self._argv(names),
            self._environment(errand, names, pipe),
            self.placed.path.parent / client.cwd,
        )
        process = TargetProcess(command, self._watch(errand))
        opened = errand.open_url if "browser" in client.opens else _ignore
        async with OpenedUrls(pipe, opened):
            try:
                await process.start()
                async with asyncio.timeout(client.seconds):
                    code = await process.wait()
            except ProcessError as error:
                hint = "Check `client.command` in the target file."
                raise TargetError("not-started", str(error), hint) from None
            except TimeoutError:
                detail = f"it did not end within {client.seconds:g} s"
                return Ended(Ending.HUNG, good=False, detail=detail)
            finally:
                await process.stop(grace=1.0)
        if code < 0:
            return Ended(Ending.CRASHED, good=False, detail=f"signal {-code} ended it")
        return Ended(Ending.EXITED, good=code == 0, detail=f"exit code {code}")

    def _names(self, errand: Errand) -> dict[str, str]:
        """Return the placeholders of one errand, with a document published for it."""
        client, placed = self.placed.target.client, self.placed
        port = str(free_port())
        uris = [placed.fill(uri, callback_port=port) for uri in client.redirect_uris]
        names = {
            "server_url": errand.server_url,
            "callback_port": port,
            "redirect_uri": uris[0] if uris else "",
            "protocol": errand.protocol,
            "tool": errand.tool,
            "calls": str(errand.calls),
            "pause": str(errand.context.get("pause", 0)),
            "client_id": "",
        }
        if client.document == "testbed":
            names["client_id"] = errand.publish(uris)
        return names

    def _argv(self, names: dict[str, str]) -> list[str]:
        command = self.placed.target.client.command
        argv = [self.placed.fill(part, **names) for part in command]
        if not any("{server_url}" in part for part in command):
            argv.append(names["server_url"])
        return argv

    def _environment(
        self, errand: Errand, names: dict[str, str], pipe: Path
    ) -> dict[str, str]:
        client = self.placed.target.client
        base = self.placed.environment()
        scenario = client.scenario or errand.scenario
        context = {"name": scenario, **errand.context, **_told(names)}
        extra = {k: self.placed.fill(v, **names) for k, v in client.env.items()}
        return {
            **base,
            "BROWSER": str(self._openers / "cimd-browser"),
            "PATH": f"{self._openers}{os.pathsep}{base.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
            PIPE_VARIABLE: str(pipe),
            "MCP_CONFORMANCE_SCENARIO": scenario,
            "MCP_CONFORMANCE_CONTEXT": json.dumps(context),
            "MCP_CONFORMANCE_PROTOCOL_VERSION": errand.protocol,
            **extra,
        }

    def _watch(self, errand: Errand) -> Callable[[str], None]:
        """Look for a URL to be opened in what the client prints."""
        if "output" not in self.placed.target.client.opens:
            return self.on_line

        def on_line(line: str) -> None:
            self.on_line(line)
            for url in _URL.findall(line):
                errand.open_url(url)

        return on_line


def _told(names: dict[str, str]) -> dict[str, str]:
    told = ("client_id", "redirect_uri")
    return {name: names[name] for name in told if names[name]}


def _ignore(url: str) -> None:
    """Open nothing: this client goes to its authorization URL itself."""
    del url
