"""`cimd-conformance lab -- COMMAND`: run a command inside, and show whom it contacted.

A canary answers on every address of the lab, on ports 80 and 443, with a document that
looks valid: a fetcher that gets this far would have been served by the real thing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from ipaddress import ip_address

from cimd_testbed.net._contacts import Contact, Depth, IPAddress
from cimd_testbed.net._http import Request, Response, json_response
from cimd_testbed.net._listener import Service
from cimd_testbed.net.lab._files import LabFilesError
from cimd_testbed.net.lab._init import SENT_BY_KERNEL, enter_lab
from cimd_testbed.net.lab._network import LabNetwork
from cimd_testbed.net.lab._obstacles import lab_available
from cimd_testbed.net.lab._outside import LabProcess

_FORWARDED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
_USAGE = 2
_NOT_FOUND = 127
_INTERRUPTED = 130
_NAME = "--name"


def run_lab(command: Sequence[str], names: Sequence[str] = ()) -> int:
    """Run a command in a fresh lab and return its exit code (the outer side).

    `names` are `HOST=ADDRESS` entries of the lab's DNS. Signals sent to this process
    reach the command; those from the terminal it has had already.
    """
    reason = lab_available()
    if reason is not None:
        _say(f"error: {reason}")
        return _USAGE
    inner = [sys.executable, "-P", "-m", "cimd_testbed.net.lab"]
    inner += [part for entry in names for part in (_NAME, entry)]
    with LabProcess([*inner, "--", *command]) as lab:
        return _wait(lab)


def _wait(lab: LabProcess) -> int:
    """Wait for the end of the lab, passing on signals meanwhile."""
    waited_for = _FORWARDED | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    try:
        while (code := lab.popen.poll()) is None:
            info = signal.sigwaitinfo(waited_for)
            if info.si_signo == signal.SIGCHLD or info.si_code == SENT_BY_KERNEL:
                continue
            lab.send_signal(info.si_signo)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str]) -> int:
    """Run the inner side: `[--name HOST=ADDRESS]… -- COMMAND…`."""
    enter_lab()
    split = arguments.index("--")
    options, command = arguments[:split], list(arguments[split + 1 :])
    try:
        names = [_parse_name(entry) for entry in options if entry != _NAME]
        return asyncio.run(_run(command, names))
    except (LabFilesError, ValueError) as error:
        _say(f"error: {error}")
        return _USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parse_name(entry: str) -> tuple[str, IPAddress]:
    name, _, address = entry.partition("=")
    return name, ip_address(address)


async def _run(command: list[str], names: list[tuple[str, IPAddress]]) -> int:
    from cimd_certs import Authority  # noqa: PLC0415 - loads the crypto libraries

    authority = Authority()
    network = LabNetwork(authority.ca_pem)
    await network.start()
    for name in {name for name, _ in names}:
        network.zone.point(name, *(found for known, found in names if known == name))
    log = network.contacts
    await network.listen_everywhere((80,), Service(canary, None, log))
    secure = Service(canary, authority.context_for, log)
    await network.listen_everywhere((443,), secure)
    code = await _run_command(command, network)
    network.settle()
    for contact in network.contacts.contacts:
        _say(describe(contact))
    if network.lost_contacts():
        _say(f"tap: {network.lost_contacts()} connections were missed")
    await network.close()
    return code


async def _run_command(command: list[str], network: LabNetwork) -> int:
    """Run the command with our own stdin, stdout and terminal; return its code."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=network.environment(os.environ),
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before),
        )
    except (OSError, subprocess.SubprocessError) as error:
        _say(f"error: {command[0]!r} could not be started: {error}.")
        return _NOT_FOUND
    forwarder = threading.Thread(target=_forward, args=(process.pid,), daemon=True)
    forwarder.start()
    code = await process.wait()
    return code if code >= 0 else 128 - code


def _forward(pid: int) -> None:
    """Pass signals on to the command, but those from the terminal it has had."""
    while True:
        info = signal.sigwaitinfo(_FORWARDED)
        if info.si_code != SENT_BY_KERNEL:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, info.si_signo)


async def canary(request: Request) -> Response:
    """Answer any path with a client metadata document that fits the URL."""
    scheme = "https" if request.arrival.tls else "http"
    origin = f"{scheme}://{request.host or request.arrival.address}"
    return json_response(
        {
            "client_id": origin + request.target,
            "client_name": "Canary of the lab",
            "client_uri": origin,
            "redirect_uris": [f"{origin}/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
        headers=[("Cache-Control", "no-store")],
    )


def describe(contact: Contact) -> str:
    """Say in one line what was observed."""
    if contact.depth is Depth.DNS:
        return f"dns: {contact.name}"
    host = str(contact.address)
    place = f"[{host}]:{contact.port}" if ":" in host else f"{host}:{contact.port}"
    match contact.depth:
        case Depth.TCP:
            return f"tap: SYN {place}"
        case Depth.CLIENT_HELLO:
            return f"tls: ClientHello {place} for {contact.name or 'no name'}"
        case Depth.TLS:
            return f"tls: handshake {place} complete"
        case Depth.HTTP:
            return f"http: {place} {contact.name}{contact.target}"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
