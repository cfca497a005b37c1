"""Deliberately odd authorization servers, to test the suite against.

    odd_server.py MODE PORT ORIGIN

Without an oddity it is the yes-man: it never fetches a document, asks nobody, and
issues a code to whoever wants one. It imports nothing of ours. `AFTER=n` in the
environment lets a mode begin after n calls of the resource, that is, after controls.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

MODE, PORT, ORIGIN = sys.argv[1], int(sys.argv[2]), sys.argv[3]
AFTER = int(os.environ.get("AFTER", "0"))
calls = 0


def head(status: int, *headers: tuple[str, str], length: int | None = 0) -> bytes:
    lines = [f"HTTP/1.1 {status} Odd", *(f"{name}: {text}" for name, text in headers)]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def answer(status: int, body: bytes, kind: str, *headers: tuple[str, str]) -> bytes:
    return head(status, ("Content-Type", kind), *headers, length=len(body)) + body


def as_json(value: object, status: int = 200) -> bytes:
    fresh = ("Cache-Control", "no-store")
    return answer(status, json.dumps(value).encode(), "application/json", fresh)


METADATA = {
    "issuer": ORIGIN,
    "authorization_endpoint": f"{ORIGIN}/authorize",
    "token_endpoint": f"{ORIGIN}/token",
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["none"],
    "client_id_metadata_document_supported": True,
}
NOT_FOUND = answer(404, b"no", "text/plain")
HTML = answer(200, b"<html><p>Hello</p></html>", "text/html")


def yes_man(path: str, query: str) -> bytes:
    """Say yes to everything."""
    global calls  # noqa: PLW0603 - a small program of one module
    match path:
        case "/.well-known/oauth-authorization-server":
            return as_json(METADATA)
        case "/authorize":
            asked = dict(parse_qsl(query))
            answers = {"code": f"code-{os.urandom(8).hex()}"}
            if "state" in asked:
                answers["state"] = asked["state"]
            where = asked.get("redirect_uri", "https://nowhere.invalid/")
            mark = "&" if "?" in where else "?"
            return head(302, ("Location", f"{where}{mark}{urlencode(answers)}"))
        case "/token":
            token = f"token-{os.urandom(8).hex()}"
            return as_json({"access_token": token, "token_type": "Bearer"})
        case "/mcp":
            calls += 1
            return as_json({"result": {"protocolVersion": "2025-11-25"}})
        case _:
            return NOT_FOUND


def odd() -> bool:
    return calls >= AFTER


Writer = asyncio.StreamWriter


async def endless(writer: Writer, first: bytes) -> None:
    writer.write(first)
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_body(writer: Writer, path: str, _query: str) -> None:
    await endless(writer, head(200, ("Content-Type", "application/json"), length=None))


async def endless_header(writer: Writer, path: str, _query: str) -> None:
    await endless(writer, b"HTTP/1.1 200 Odd\r\nX: ")


async def endless_pages(writer: Writer, path: str, query: str) -> None:
    """Metadata are good, everything else never ends."""
    if path.startswith("/.well-known"):
        writer.write(yes_man(path, query))
    else:
        await endless_body(writer, path, query)


async def many_headers(writer: Writer, path: str, _query: str) -> None:
    headers = [(f"X-{number}", "y") for number in range(10_000)]
    writer.write(head(200, *headers))


async def endless_100(writer: Writer, path: str, _query: str) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        await writer.drain()


async def drips(writer: Writer, path: str, _query: str) -> None:
    """Send a byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 Odd\r\n")
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.05)


async def hangs(writer: Writer, path: str, _query: str) -> None:
    await asyncio.Event().wait()


async def hangs_later(writer: Writer, path: str, query: str) -> None:
    if odd():
        await asyncio.Event().wait()
    writer.write(yes_man(path, query))


async def not_http(writer: Writer, path: str, _query: str) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    writer.close()


async def bad_request(writer: Writer, path: str, _query: str) -> None:
    writer.write(as_json({"error": "invalid_request"}, 400))


async def html(writer: Writer, path: str, _query: str) -> None:
    writer.write(HTML)


async def metadata_only(writer: Writer, path: str, query: str) -> None:
    good = path.startswith("/.well-known")
    writer.write(yes_man(path, query) if good else as_json({"error": "no"}, 400))


async def redirects(writer: Writer, path: str, _query: str) -> None:
    writer.write(head(302, ("Location", path)))


async def redirect_pages(writer: Writer, path: str, query: str) -> None:
    """Metadata are good, every page sends the browser round in a circle."""
    if path.startswith("/.well-known"):
        writer.write(yes_man(path, query))
    else:
        writer.write(head(302, ("Location", f"/again?n={os.urandom(4).hex()}")))


async def form_loop(writer: Writer, path: str, query: str) -> None:
    """Show a consent page after each consent."""
    if path.startswith("/.well-known"):
        writer.write(yes_man(path, query))
    else:
        page = b'<form method="post"><button name="a" value="1">Approve</button></form>'
        writer.write(answer(200, page, "text/html"))


async def bad_urls(writer: Writer, path: str, query: str) -> None:
    """Redirect to what no URL library can read."""
    if path == "/authorize":
        writer.write(head(302, ("Location", "//[")))
    else:
        writer.write(yes_man(path, query))


async def bad_forms(writer: Writer, path: str, query: str) -> None:
    if path == "/authorize":
        page = b'<form action="http://[:x"><button>Approve</button></form>'
        writer.write(answer(200, page, "text/html"))
    else:
        writer.write(yes_man(path, query))


async def html_tokens(writer: Writer, path: str, query: str) -> None:
    writer.write(HTML if path == "/token" else yes_man(path, query))


async def deep_tokens(writer: Writer, path: str, query: str) -> None:
    """Nest arrays so deep that a parser gives up."""
    deep = answer(200, b"[" * 200_000, "application/json")
    writer.write(deep if path == "/token" else yes_man(path, query))


async def surrogates(writer: Writer, path: str, query: str) -> None:
    """Send half a character, which JSON can express and UTF-8 cannot."""
    body = b'{"error": "half \\ud800", "error_description": "\\udfff"}'
    bad = answer(400, body, "application/json")
    writer.write(bad if path == "/token" else yes_man(path, query))


async def odd_tokens(writer: Writer, path: str, query: str) -> None:
    """Issue a token that is no header value."""
    odd_token = as_json({"access_token": "a\r\nX: y\ud800", "token_type": "Bearer"})
    writer.write(odd_token if path == "/token" else yes_man(path, query))


async def odd_metadata(writer: Writer, path: str, query: str) -> None:
    """Name endpoints that nobody can reach, or that are none."""
    value = {
        **METADATA,
        "authorization_endpoint": "http://127.0.0.1:99999/authorize",
        "token_endpoint": "http://[::1/token",
    }
    good = path.startswith("/.well-known")
    writer.write(as_json(value) if good else yes_man(path, query))


async def foreign_metadata(writer: Writer, path: str, query: str) -> None:
    """Name endpoints on somebody else's machine."""
    value = {
        **METADATA,
        "authorization_endpoint": "http://203.0.113.7/authorize",
        "token_endpoint": "https://as.example.com/token",
    }
    good = path.startswith("/.well-known")
    writer.write(as_json(value) if good else yes_man(path, query))


async def limited(writer: Writer, path: str, query: str) -> None:
    """Answer 429 to everything after the control."""
    writer.write(as_json({"error": "slow"}, 429) if odd() else yes_man(path, query))


async def limited_once(writer: Writer, path: str, query: str) -> None:
    """Answer 429 to the first request after the control, and say for how long."""
    if odd() and path == "/authorize" and not told:
        told.append(path)
        wait = ("Retry-After", os.environ["RETRY_AFTER"])
        writer.write(answer(429, b"slowly", "text/plain", wait))
    else:
        writer.write(yes_man(path, query))


told: list[str] = []


async def unavailable(writer: Writer, path: str, query: str) -> None:
    writer.write(as_json({"error": "x"}, 503) if odd() else yes_man(path, query))


async def dies(writer: Writer, path: str, query: str) -> None:
    """End at the first callback that is not the usual one."""
    wanted = dict(parse_qsl(query)).get("redirect_uri", "/callback")
    if path == "/authorize" and not wanted.endswith("/callback"):
        print("fatal: I am melting, code=abcdefghijklm", flush=True)  # noqa: T201
        os._exit(7)
    writer.write(yes_man(path, query))


async def floods(writer: Writer, path: str, query: str) -> None:
    """Print a lot with each request."""
    for _ in range(2000):
        sys.stdout.write("noise " * 30 + "\n")
    sys.stdout.write("long" * 100_000 + "\n")
    sys.stdout.flush()
    writer.write(yes_man(path, query))


def is_inward(host: str) -> bool:
    """Whether a name leads to an address that is not public."""
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return any(not ipaddress.ip_address(one[4][0]).is_global for one in found)


def fetch(url: str, *, judged: str) -> bool:
    """Fetch a document by way of the proxy of the environment; judge some host."""
    try:
        if is_inward(judged):
            return False
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(json.load(response)["client_id"] == url)
    except (OSError, ValueError, KeyError):
        return False


async def fetches(writer: Writer, path: str, query: str) -> None:
    """Judge the host that is connected to, which is the proxy's; or the client's."""
    if path == "/authorize":
        url = dict(parse_qsl(query)).get("client_id", "")
        client = urlsplit(url).hostname or ""
        proxy = urlsplit(os.environ["HTTPS_PROXY"]).hostname or ""
        judged = {"proxy": proxy, "client": client}[os.environ["JUDGES"]]
        if not await asyncio.to_thread(fetch, url, judged=judged):
            writer.write(answer(400, b"no", "text/plain"))
            return
    writer.write(yes_man(path, query))


def dated(response: bytes) -> bytes:
    """Say what time it is here."""
    first, rest = response.split(b"\r\n", 1)
    return b"\r\n".join([first, b"Date: " + formatdate(usegmt=True).encode(), rest])


asked_at = {"wall": 0.0, "loop": 0.0}


async def forgets(writer: Writer, path: str, query: str, seconds: float = 60) -> None:
    """Take a code for a minute, by the wall clock or by that of the event loop."""
    loop = asyncio.get_running_loop()
    if path == "/authorize":
        asked_at.update(wall=time.time(), loop=loop.time())
    now = {"wall": time.time(), "loop": loop.time()}[os.environ["BY"]]
    over = path == "/token" and now > asked_at[os.environ["BY"]] + seconds
    refused = as_json({"error": "invalid_grant"}, 400)
    writer.write(dated(refused if over else yes_man(path, query)))


async def never_forgets(writer: Writer, path: str, query: str) -> None:
    """Take a code for ever."""
    writer.write(dated(yes_man(path, query)))


async def needs_database(writer: Writer, path: str, query: str) -> None:
    """Say yes for as long as the service is there."""
    with socket.create_connection(("127.0.0.1", int(os.environ["DATABASE"])), 5):
        writer.write(yes_man(path, query))


async def plain(writer: Writer, path: str, query: str) -> None:
    writer.write(yes_man(path, query))


Serve = Callable[[Writer, str, str], Awaitable[None]]
serve: Serve = globals()[MODE.replace("-", "_")]


async def read_request(reader: asyncio.StreamReader) -> tuple[str, str] | None:
    line = await reader.readline()
    if not line:
        return None
    length = 0
    while (header := await reader.readline()).strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    await reader.readexactly(length)
    parts = urlsplit(line.split()[1].decode())
    return parts.path, parts.query


async def connection(reader: asyncio.StreamReader, writer: Writer) -> None:
    try:
        while (request := await read_request(reader)) is not None:
            await serve(writer, *request)
            await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(connection, "127.0.0.1", PORT)
    if file := os.environ.get("PID_FILE"):
        Path(file).write_text(str(os.getpid()))  # noqa: ASYNC240
    if file := os.environ.get("STARTS"):
        with Path(file).open("a") as starts:  # noqa: ASYNC230
            starts.write("started\n")
    async with server:
        await server.serve_forever()


asyncio.run(main())
