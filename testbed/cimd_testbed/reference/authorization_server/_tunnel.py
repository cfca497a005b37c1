"""A way through an HTTP proxy, for a server that takes the one of its environment.

The honest server never does: see `core.environment_proxy`.
"""

from __future__ import annotations

import ssl

from cimd_testbed.net import Stream

_HEAD = b"\r\n\r\n"


async def open_tunnel(
    stream: Stream, host: str, port: int, trust: ssl.SSLContext | None
) -> None:
    """Ask the proxy at the other end of a stream to connect on, then begin TLS.

    Raises `OSError` when it does not, or when the handshake fails.
    """
    authority = f"{host}:{port}"
    request = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
    stream.writer.write(request.encode("latin-1"))
    await stream.writer.drain()
    head = await stream.reader.readuntil(_HEAD)
    if head.split(b" ", 2)[1:2] != [b"200"]:
        raise OSError(f"The proxy does not connect to {authority}.")
    if trust is not None:
        name = host.strip("[]").rstrip(".")
        await stream.writer.start_tls(trust, server_hostname=name)
