"""Wait until a target that was started answers; find out why it does not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable

from cimd_conformance.engine._diagnose_start import Boot, not_ready
from cimd_conformance.engine._diagnosis import DiagnosedError
from cimd_conformance.engine._process import Placed
from cimd_testbed.core import split_url
from cimd_testbed.net import LOOPBACK, HttpClient, HttpError

_LOOK_SECONDS = 2.0


async def wait_ready(
    placed: Placed, origin: str, http_for: Callable[[str], HttpClient]
) -> None:
    """Ask the ready path until it answers; the process's end ends the wait.

    Raises `DiagnosedError`, with the target's last output, when it never does.
    """
    url = origin + placed.target.server.ready
    last = "no answer"
    told = placed.around.told
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(placed.target.server.ready_seconds):
            while placed.process is None or not placed.process.exited.is_set():
                last, ready = await _ask_ready(url, http_for)
                if ready:
                    if placed.process is not None:
                        told("port", f"It listens on 127.0.0.1:{placed.port}.")
                    seconds = loop.time() - begun
                    path = placed.target.server.ready
                    told("ready", f"GET {path}: {last}, after {seconds:.1f} s.")
                    await _tell_names(placed, origin)
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    found = not_ready(await _boot(placed, url, last))
    if found.step == "ready" and placed.process is not None:
        told("port", f"It listens on 127.0.0.1:{placed.port}.")
    raise DiagnosedError(found, placed.path)


async def _tell_names(placed: Placed, origin: str) -> None:
    """See that the target's public name resolves where it runs."""
    if placed.lab is None:
        return
    host = split_url(origin).host
    found = await resolve(host)
    placed.around.told("names", f"{host} resolves to {', '.join(found)} in the lab.")


async def _ask_ready(
    url: str, http_for: Callable[[str], HttpClient]
) -> tuple[str, bool]:
    """Ask once; return what came of it, and whether that is good."""
    http = http_for("ready")
    try:
        response = await http.request("GET", url)
    except (HttpError, OSError, TimeoutError) as error:
        return f"{type(error).__name__} {error}", False
    finally:
        await http.close()
    return f"HTTP {response.status}", response.status < 500


async def _boot(placed: Placed, url: str, last: str) -> Boot:
    """Look at a target that did not become ready."""
    process = placed.process
    known_port = process is not None or placed.target.server.port > 0
    accepts = known_port and await _connects(placed, None)
    known = process is not None and sys.platform == "linux"
    return Boot(
        placed.target,
        placed.port,
        url,
        last,
        process is not None,
        process.exit_code if process and process.exited.is_set() else None,
        accepts,
        accepts and await speaks_tls(placed),
        tuple(process.listening()) if process is not None and known else None,
        placed.output,
    )


async def speaks_tls(placed: Placed) -> bool:
    """Whether the target ends TLS itself on its local port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return placed.process is not None and await _connects(placed, context)


async def _connects(placed: Placed, tls: ssl.SSLContext | None) -> bool:
    """Whether the target's port takes a connection, with a handshake where asked."""
    dialer = placed.around.network.dialer("ready")
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            stream = await dialer.dial(
                LOOPBACK, placed.port, tls=tls, server_hostname="localhost"
            )
    except (OSError, TimeoutError):
        return False
    stream.writer.transport.abort()
    return True


async def resolve(name: str) -> list[str]:
    """Ask the system's resolver, as a target does; [] when there is no answer."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]) for *_, address in found})
