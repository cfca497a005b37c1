"""An agent host: run the command against our servers, and see what it can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any

from cimd_conformance.init._draft import (
    Candidate,
    Draft,
    Shape,
    Trial,
    changed,
)
from cimd_conformance.init._names import client_value
from cimd_conformance.init._search import Search
from cimd_conformance.model import InitRequest, Remark, Role
from cimd_conformance.target import Client, TargetFile

OLD, NEW = "2025-11-25", "2026-07-28"
OPTIONAL = ("step-up", "refresh")
"""Features that a flow shows, in the order of their flows."""


def first_agent(request: InitRequest, names: Iterable[str] = ()) -> Draft:
    """Return a draft with what the user said, and what the source reads."""
    guessed = {
        name: value
        for name in names
        if name not in request.env and (value := client_value(name)) is not None
    }
    client = Client(
        command=list(request.start),
        env={**guessed, **request.env},
        cwd=request.cwd,
    )
    return Draft(TargetFile(1, request.name, Role.AGENT_HOST, client=client))


def candidates(draft: Draft, trial: Trial) -> Iterable[Candidate]:
    """Yield what to try after a client that did not call the tool."""
    file, client = draft.file, draft.file.client
    client_id = trial.request.get("client_id", "")
    if client_id and "/client-" not in client_id and client.document == "testbed":
        text = f"It comes as {client_id}, a document of its own."
        yield _one(file, text, document="target")
    redirect_uri = trial.request.get("redirect_uri", "")
    if redirect_uri and redirect_uri not in client.redirect_uris:
        text = "It comes back there, whatever it is told."
        yield _one(file, text, redirect_uris=[redirect_uri])
    if client.protocols == [OLD]:
        yield _one(file, "It does not speak the other one.", protocols=[NEW])
    if "did not end within" in trial.detail and client.seconds < 60:
        yield _one(file, "It takes its time.", seconds=60.0)


def _one(file: TargetFile, text: str, **values: Any) -> Candidate:
    name, value = next(iter(values.items()))
    remark = Remark(f"client.{name}", text)
    label = f"client.{name} = {value}"
    return Candidate(changed(file, "client", **values), label, (remark,))


async def describe_agent(
    draft: Draft, search: Search, say: Callable[[str, str], None]
) -> AsyncIterator[Draft]:
    """Yield the draft each time it has grown: first it connects, then more."""
    search.propose = candidates
    shape = connect_shape(draft)
    draft = await search.make_work(draft, shape)
    yield draft
    if search.fails:
        yield _stuck(draft)
        return
    for more in _extensions(draft):
        trial = await search.bench.trial(more.file, _shape_of(more, draft))
        if trial.done:
            draft = replace(draft, file=_joined(draft.file, more))
        elif more.file.client.features:
            name = more.file.client.features[-1]
            text = f"{name} did not work: {trial.detail}. Name it if it should."
            draft = draft.say("client.features", text)
        yield draft
        how = "works" if trial.done else f"no, {trial.detail}"
        say("tries", f"{more.label}: {how}")
    shapes = [connect_shape(draft, p) for p in draft.file.client.protocols]
    shapes += [connect_shape(draft, flow=f) for f in draft.file.client.features]
    await search.confirm(draft, shapes)
    yield draft


def connect_shape(draft: Draft, protocol: str = "", flow: str = "connect") -> Shape:
    """Return the shape of a legitimate flow of this client."""
    protocol = protocol or draft.file.client.protocols[0]
    return Shape(flow, (("auth", "none"), ("protocol", protocol)))


def _extensions(draft: Draft) -> Iterable[Candidate]:
    """Return what a client may be able to do besides."""
    file = draft.file
    if file.client.protocols == [OLD]:
        yield _one(file, "", protocols=[OLD, NEW])
    for feature in OPTIONAL:
        yield _one(file, "", features=[feature])


def _shape_of(more: Candidate, draft: Draft) -> Shape:
    added = more.file.client.features
    if added:
        return connect_shape(draft, flow=added[-1])
    return connect_shape(draft, more.file.client.protocols[-1])


def _joined(file: TargetFile, more: Candidate) -> TargetFile:
    client = more.file.client
    features = [*file.client.features, *client.features]
    protocols = list(dict.fromkeys([*file.client.protocols, *client.protocols]))
    return changed(file, "client", features=features, protocols=protocols)


def _stuck(draft: Draft) -> Draft:
    """Say what a client has to be told, when it did not connect."""
    text = (
        "The client has to be told the URL of its document and where the browser comes "
        "back to: give --env NAME='{client_id}' and --env NAME='{redirect_uri}', with "
        "the names that it reads. The server's URL is its last argument."
    )
    said = " ".join([*draft.file.client.command, *draft.file.client.env.values()])
    if "{client_id}" in said:
        return draft
    return draft.say("client.env", text, todo=True, example='CLIENT_ID = "{client_id}"')
