"""An external target: started in the lab or on loopback, as its `target.toml` says."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cimd_conformance.catalogue import expand
from cimd_conformance.engine._features import missing_feature
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import RunningTarget, read_metadata
from cimd_conformance.flows.authorization_server import (
    AsWorld,
    TargetView,
    run_flow,
)
from cimd_conformance.model import ConfigError, TargetError
from cimd_conformance.target import TargetFile, cache_dir
from cimd_testbed.core import SystemClock, split_url
from cimd_testbed.net import (
    Command,
    HttpError,
    ProcessError,
    TargetProcess,
    inside_verified_namespace,
)
from cimd_testbed.net.lab import LabNetwork
from cimd_testbed.parties import Credentials, Upstream

HOST = "as.cimd-target.net"
ADDRESS = ipaddress.IPv4Address("93.184.215.20")


@dataclass(slots=True)
class _Placed:
    """Where the target is, and the placeholders of its file."""

    names: dict[str, str]
    origin: str
    port: int


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _place(
    path: Path, target: TargetFile, state: Path, lab: LabNetwork | None, ca: Path
) -> _Placed:
    port = _free_port()
    origin = f"https://{HOST}" if lab else f"http://127.0.0.1:{port}"
    bundle = lab.files.bundle_file if lab and lab.files else ca
    names = {
        "origin": origin,
        "host": HOST if lab else f"127.0.0.1:{port}",
        "port": str(port),
        "ca_file": str(ca),
        "bundle_file": str(bundle),
        "cache": str(cache_dir(path, target)),
        "state": str(state),
        "dir": str(path.parent),
    }
    return _Placed(names, origin, port)


async def start_external(
    around: Surroundings,
    path: Path,
    target: TargetFile,
    on_line: Callable[[str], None],
) -> RunningTarget:
    """Start the target, wait until it answers, read its metadata.

    Raises `TargetError` when it does not come up, `ConfigError` when its issuer is not
    allowed here.
    """
    stack = AsyncExitStack()
    try:
        return await _start(around, path, target, on_line, stack)
    except BaseException:
        await stack.aclose()
        raise


async def _start(
    around: Surroundings,
    path: Path,
    target: TargetFile,
    on_line: Callable[[str], None],
    stack: AsyncExitStack,
) -> RunningTarget:
    network, authority = around.network, around.authority
    lab = network if isinstance(network, LabNetwork) else None
    parties = around.parties
    clock = SystemClock()
    upstream = Upstream(parties.upstream_origin, clock.now)
    upstream.publish(parties.web)
    inside = lab.files.directory if lab is not None and lab.files else None
    folder = stack.enter_context(
        tempfile.TemporaryDirectory(prefix="cimd-target-", dir=inside)
    )
    ca_file = Path(folder) / "ca.pem"
    ca_file.write_bytes(authority.ca_pem)
    placed = _place(path, target, Path(folder), lab, ca_file)
    placed.names.update(upstream.placeholders())
    issuer = str(expand(target.server.issuer, placed.names))
    _allowed(issuer)
    process = await _start_process(path, target, placed, lab, on_line, stack)
    if lab is not None and process is not None:
        lab.zone.point(HOST, ADDRESS)
        await lab.front(
            ADDRESS,
            [HOST],
            placed.port,
            authority.context_for,
            forwarded=target.server.forwarded,
        )
    world = AsWorld(
        network,
        parties.web,
        authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        now=clock.now,
        ports=parties.ports,
        seconds=target.limits.seconds,
        target=_view(target, placed, issuer, upstream),
    )
    await _ready(world, target, placed, process)
    await _read(world, target, placed, issuer, upstream)
    exited = process.exited if process is not None else asyncio.Event()
    running = RunningTarget(
        world,
        partial(run_flow, world),
        partial(missing_feature, world.target),
        stack.aclose,
        exited,
        target.limits.jobs,
        target.limits.grace,
    )
    if process is not None:
        running.exit_code = lambda: process.exit_code
        running.last_output = lambda: process.tail[-20:]
    return running


def _allowed(issuer: str) -> None:
    """Keep the law: outside a namespace only loopback is ever named or reached."""
    host = split_url(issuer).host
    if inside_verified_namespace() or host in ("localhost", "127.0.0.1", "[::1]"):
        return
    raise ConfigError(
        "remote-target",
        f"The issuer {issuer!r} is not on this machine.",
        "Attacks go to loopback or into the lab only: start the target from the file "
        "(server.start), or run the suite in a container beside it.",
    )


async def _start_process(
    path: Path,
    target: TargetFile,
    placed: _Placed,
    lab: LabNetwork | None,
    on_line: Callable[[str], None],
    stack: AsyncExitStack,
) -> TargetProcess | None:
    if not target.server.start:
        return None
    base = lab.environment(os.environ) if lab else dict(os.environ)
    extra = {k: str(expand(v, placed.names)) for k, v in target.server.env.items()}
    argv = [str(expand(part, placed.names)) for part in target.server.start]
    if argv[0] == "{python}":
        argv[0] = sys.executable
    cwd = path.parent / target.server.cwd
    process = TargetProcess(Command(argv, {**base, **extra}, cwd), on_line)
    try:
        await process.start()
    except ProcessError as error:
        raise TargetError(
            "not-started", str(error), "Check `server.start` in the target file."
        ) from None
    stack.push_async_callback(process.stop)
    return process


def _view(
    target: TargetFile, placed: _Placed, issuer: str, upstream: Upstream
) -> TargetView:
    users = [Credentials(u.username, u.password) for u in target.login.users]
    known = {**placed.names, "resource": placed.origin + "/mcp"}
    accommodations = {a.what: a.value for a in target.accommodation}
    return TargetView(
        target.name,
        issuer,
        {},
        str(expand(target.resource.uri, known)),
        target.resource.scope,
        target.resource.shown_by,
        tuple(users) or (Credentials("user", "password"),),
        frozenset(
            {
                split_url(issuer).origin.lower(),
                placed.origin.lower(),
                upstream.origin.lower(),
                *(str(expand(o, known)).lower() for o in target.login.origins),
            }
        ),
        dict(target.client_document),
        accommodations,
        "",
        (target.resource.client_id, target.resource.client_secret),
    )


async def _ready(
    world: AsWorld, target: TargetFile, placed: _Placed, process: TargetProcess | None
) -> None:
    """Ask the ready path until it answers; the process's end ends the wait."""
    url = (placed.origin if process else world.target.issuer) + target.server.ready
    if not process:
        url = split_url(world.target.issuer).origin + target.server.ready
    last = "no answer"
    try:
        async with asyncio.timeout(target.server.ready_seconds):
            while True:
                http = world.http("ready")
                try:
                    response = await http.request("GET", url)
                    if response.status < 500:
                        return
                    last = f"HTTP {response.status}"
                except (HttpError, OSError, TimeoutError) as error:
                    last = f"{type(error).__name__} {error}"
                finally:
                    await http.close()
                if process is not None and process.exited.is_set():
                    break
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise _not_ready(url, last, process)


def _not_ready(url: str, last: str, process: TargetProcess | None) -> TargetError:
    output = "\n  ".join(process.tail[-20:]) if process else ""
    ended = (
        f" The process ended with {process.exit_code}."
        if process and process.exited.is_set()
        else ""
    )
    return TargetError(
        "not-ready",
        f"The target did not become ready: {url}: {last}.{ended}"
        + (f"\n  {output}" if output else ""),
        "Check `server.start`, `server.env` and `server.ready` in the target file.",
    )


async def _read(
    world: AsWorld,
    target: TargetFile,
    placed: _Placed,
    issuer: str,
    upstream: Upstream,
) -> None:
    """Read the metadata, then fill in what the file says in terms of it."""
    http = world.http("metadata")
    explicit = target.server.metadata
    url = str(expand(explicit, placed.names)) if explicit else None
    try:
        metadata, found = await read_metadata(http, issuer, url)
    finally:
        await http.close()
    view = _view(target, placed, issuer, upstream)
    known = {"token_endpoint": str(metadata["token_endpoint"]), **placed.names}
    world.target = TargetView(
        view.name,
        view.issuer,
        metadata,
        view.resource,
        view.scope,
        view.shown_by,
        view.users,
        view.own_origins | {split_url(str(metadata["authorization_endpoint"])).origin},
        view.document,
        {k: str(expand(v, known)) for k, v in view.accommodations.items()},
        found,
        view.introspection,
    )
