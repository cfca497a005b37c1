"""An external authorization server: started in the lab or on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cimd_conformance.catalogue import strings
from cimd_conformance.engine._clock import follow_clock
from cimd_conformance.engine._diagnose import diagnose_authorization_server
from cimd_conformance.engine._diagnose_start import no_metadata
from cimd_conformance.engine._diagnose_start import speaks_tls as tls_before
from cimd_conformance.engine._diagnosis import DiagnosedError, Diagnosis, case_of
from cimd_conformance.engine._doctor_server import wrong_metadata
from cimd_conformance.engine._features import missing_feature
from cimd_conformance.engine._life import attend, start_process
from cimd_conformance.engine._process import (
    OnLine,
    Placed,
    demand_local,
    place,
)
from cimd_conformance.engine._ready import speaks_tls, wait_ready
from cimd_conformance.engine._surroundings import Surroundings
from cimd_conformance.engine._target import (
    NoMetadataError,
    RunningTarget,
    demand_secure_endpoints,
    read_metadata,
)
from cimd_conformance.flows import FlowResult
from cimd_conformance.flows.authorization_server import (
    AsWorld,
    TargetView,
    run_flow,
)
from cimd_conformance.model import TargetError
from cimd_conformance.target import TargetFile
from cimd_testbed.core import split_url
from cimd_testbed.parties import Credentials, Upstream, lasting_key


async def start_external(
    around: Surroundings, path: Path, target: TargetFile, on_line: OnLine
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
    on_line: OnLine,
    stack: AsyncExitStack,
) -> RunningTarget:
    placed = place(around, path, target, stack)
    upstream = Upstream(
        around.parties.upstream_origin,
        placed.now,
        lasting_key(around.authority.secret("upstream")),
    )
    upstream.publish(around.parties.web)
    placed.names.update(upstream.placeholders())
    issuer = placed.fill(target.server.issuer)
    demand_local(issuer, "issuer", path)
    await start_process(placed, on_line, stack)
    world = _world(around, placed, _view(placed, issuer, upstream), upstream)
    origin = placed.origin if placed.process else split_url(issuer).origin
    await wait_ready(placed, origin, world.http)
    world.advance = await follow_clock(placed, origin, world.http)
    await _read(world, placed)
    limits = target.limits
    running = RunningTarget(
        world,
        partial(run_flow, world),
        lambda instance: missing_feature(world.target, instance),
        stack.aclose,
        asyncio.Event(),
        limits.jobs,
        limits.grace,
        adapt=partial(_adapt, world, placed, upstream),
    )
    running.path, running.diagnose = path, partial(_diagnosed, world, placed)
    ready = partial(wait_ready, placed, origin, world.http)
    attend(running, placed, on_line, stack, ready)
    return running


def _diagnosed(
    world: AsWorld, placed: Placed, label: str, result: FlowResult
) -> Diagnosis:
    """Say why a control did not complete."""
    return diagnose_authorization_server(
        case_of(
            world.target,
            placed.target,
            label,
            result,
            world.evidence,
            placed.output,
            lab=placed.lab is not None,
        )
    )


def _urls(placed: Placed) -> Iterator[str]:
    """Yield every URL of the target file that the target or we may go to."""
    target = placed.target
    said = [target.client_document, target.server.metadata or ""]
    said += [accommodation.value for accommodation in target.accommodation]
    for text in strings(said):
        url = placed.fill(text)
        if split_url(url).scheme in ("http", "https"):
            yield url


def _world(
    around: Surroundings, placed: Placed, view: TargetView, upstream: Upstream
) -> AsWorld:
    return AsWorld(
        around.network,
        around.parties.web,
        around.authority.trust(),
        around.evidence,
        around.seed,
        around.leases.lease,
        now=placed.now,
        ports=around.parties.ports,
        seconds=placed.target.limits.seconds,
        patience=placed.target.limits.patience,
        doors=around.parties.doors,
        target=view,
        upstream=upstream,
    )


def _view(placed: Placed, issuer: str, upstream: Upstream) -> TargetView:
    target = placed.target
    resource = placed.origin + "/mcp"
    users = [Credentials(u.username, u.password) for u in target.login.users]
    others = (placed.fill(o).lower() for o in target.login.origins)
    return TargetView(
        target.name,
        issuer,
        {},
        placed.fill(target.resource.uri, resource=resource),
        target.resource.scope,
        target.resource.shown_by,
        tuple(users) or (Credentials("user", "user-password"),),
        frozenset(
            {
                split_url(issuer).origin.lower(),
                placed.origin.lower(),
                upstream.origin.lower(),
                *others,
            }
        ),
        dict(target.client_document),
        {a.what: a.value for a in target.accommodation},
        introspection=(target.resource.client_id, target.resource.client_secret),
        provider=_provider(target, upstream),
    )


def _provider(target: TargetFile, upstream: Upstream) -> str:
    """Return the origin of the identity provider, if the target is told about it."""
    said = strings([target.server.start, target.server.env])
    told = any("{upstream.authorize}" in text for text in said)
    return upstream.origin.lower() if told else ""


async def _read(world: AsWorld, placed: Placed) -> None:
    """Read the metadata, then fill in what the file says in terms of it."""
    view = world.target
    explicit = placed.target.server.metadata
    http = world.http("metadata")
    try:
        metadata, found = await read_metadata(
            http, view.issuer, placed.fill(explicit) if explicit else None
        )
    except NoMetadataError as error:
        raise await _without_metadata(placed, view.issuer, error) from None
    finally:
        await http.close()
    try:
        demand_secure_endpoints(view.issuer, metadata)
    except TargetError as error:
        raise _insecure(view, metadata, placed, error) from None
    world.target = _known(placed, replace(view, metadata=metadata, metadata_url=found))


def _known(placed: Placed, view: TargetView) -> TargetView:
    """Fill in what the file says in terms of the metadata."""
    token_endpoint = str(view.metadata["token_endpoint"])
    authorization = split_url(str(view.metadata["authorization_endpoint"]))
    return replace(
        view,
        own_origins=view.own_origins | {authorization.origin.lower()},
        foreign_origins=_foreign(view, view.metadata),
        accommodations={
            what: placed.fill(value, token_endpoint=token_endpoint)
            for what, value in view.accommodations.items()
        },
    )


def _adapt(
    world: AsWorld, placed: Placed, upstream: Upstream, target: TargetFile
) -> bool:
    """Take what another file for the same server says about the flows."""
    if target.server != placed.target.server:
        return False
    old, placed.target = world.target, target
    view = _view(placed, old.issuer, upstream)
    view = replace(view, metadata=old.metadata, metadata_url=old.metadata_url)
    world.target = _known(placed, view)
    return True


def _foreign(view: TargetView, metadata: dict[str, Any]) -> frozenset[str]:
    """Return the origins of endpoints that the file does not name."""
    named = (metadata.get(f"{name}_endpoint") for name in ("authorization", "token"))
    origins = {split_url(url).origin.lower() for url in named if isinstance(url, str)}
    return frozenset(origins - view.own_origins)


def _insecure(
    view: TargetView, metadata: dict[str, Any], placed: Placed, error: TargetError
) -> DiagnosedError:
    """Say why an endpoint has no https: another host, or only another scheme."""
    foreign = _foreign(view, metadata)
    if {split_url(origin).host for origin in foreign} - {split_url(view.issuer).host}:
        view = replace(view, metadata=metadata, foreign_origins=foreign)
        found = wrong_metadata(view, placed.target)
        assert found is not None
    else:
        fields = ("server.forwarded", "server.env")
        found = Diagnosis("metadata", error.code, error.message, error.hint, fields)
    return DiagnosedError(found, placed.path)


async def _without_metadata(
    placed: Placed, issuer: str, error: NoMetadataError
) -> DiagnosedError:
    """Say why a target that answers has no metadata."""
    if await speaks_tls(placed):
        return DiagnosedError(tls_before(placed.port), placed.path)
    found = no_metadata(placed.target, issuer, error.seen, refused=error.refused)
    return DiagnosedError(found, placed.path)
