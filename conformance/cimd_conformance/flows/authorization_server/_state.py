"""The state of one flow of an authorization server: our clients and their tokens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.flows._flow import FlowState
from cimd_conformance.flows._world import Site
from cimd_conformance.flows.authorization_server._answers import (
    PATIENT_MODES,
    Manner,
)
from cimd_conformance.flows.authorization_server._identity import Identity
from cimd_conformance.flows.authorization_server._world import AsWorld, TargetView
from cimd_conformance.model import HarnessError, Message, Place, Scenario, TlsFault
from cimd_testbed.net import Response
from cimd_testbed.parties import Browser


@dataclass(slots=True)
class Holding:
    """What one client got from the server; another one's never overwrites it."""

    code: str = ""
    verifier: str = ""
    redirect_uri: str = ""
    access_token: str = ""
    refresh_token: str = ""
    used_refresh_token: str = ""
    """The refresh token that was exchanged last."""
    assertion: str = ""
    """The client assertion that was sent last."""


@dataclass(slots=True)
class AsState(FlowState):
    """What the steps hand on: identities, their codes and tokens."""

    world: AsWorld
    target: TargetView = field(kw_only=True)
    identities: dict[str, Identity] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)
    """The browser of the last authorization, by client."""
    departures: dict[str, str] = field(default_factory=dict)
    """The URL at the identity provider to which it was sent, by client."""
    answers: list[Response] = field(default_factory=list)
    """What the browser got in the last authorization, in order."""

    def asks_for(self, message: Message) -> bool:
        """Whether an expectation is about a message, so that it is worth making."""
        expected = self.scenario.expect if self.scenario else []
        return any(one.in_ is message for one in expected)

    def holding(self, name: str) -> Holding:
        """Return what the client of this name holds."""
        return self.holdings.setdefault(name, Holding())

    @property
    def client(self) -> Identity:
        """The client whose flow it is."""
        return self.identities["client"]

    @property
    def accommodations(self) -> dict[str, str]:
        """What this flow does differently to suit the target."""
        without = self.scenario.without if self.scenario else []
        declared = self.target.accommodations
        return {name: v for name, v in declared.items() if name not in without}

    async def after_step(self) -> None:
        """Note what the target has fetched until now, and who ended the answers."""
        for message, fetches in self.client.fetches.items():
            await fetches.settle()
            self.messages[message] = fetches.message()

    def known(self) -> dict[str, Any]:
        """Return the placeholders and their values."""
        target = self.target
        asked = self.messages.get(Message.AUTHORIZATION_REQUEST, {})
        names: dict[str, Any] = {
            **{f"flow.{name}": value for name, value in asked.items()},
            **FlowState.known(self),
            "issuer": target.issuer,
            "token_endpoint": target.endpoint("token_endpoint"),
            "authorization_endpoint": target.endpoint("authorization_endpoint"),
        }
        if "client" in self.identities:
            client = self.client
            names["client.public_jwk"] = client.keys[-1].public_jwk
            names["client.private_jwk"] = client.keys[-1].private_jwk
            names.update({f"flow.{k}": v for k, v in client.variables.items()})
        used = self.holding("client").used_refresh_token
        names["flow.used_refresh_token"] = used
        return names

    def places(self) -> dict[str, str]:
        """Return where the server and the client are."""
        target = self.target
        return {
            "issuer": target.issuer,
            "authorization endpoint": target.endpoint("authorization_endpoint"),
            "token endpoint": target.endpoint("token_endpoint"),
            "client_id": self.client.variables["client_id"],
            "redirect_uri": self.client.variables["redirect_uri"],
            **FlowState.places(self),
        }


async def make_state(
    world: AsWorld,
    target: TargetView,
    label: str,
    scenario: Scenario | None,
    variant: dict[str, str],
) -> AsState:
    """Prepare fresh identities of the same shape as the control's, and the places."""
    longer = world.patience if _waits(scenario) else 0.0
    http = world.http(label, longer=longer)
    state = AsState(world, label, scenario, variant, http, target=target)
    places = {place.name: place for place in (scenario.place if scenario else [])}
    prefix = f"/i{world.serial()}"
    await _add_identity(state, "client", prefix, places.get("client"))
    steps = scenario.step if scenario else []
    if any(step.as_ == "other" for step in steps) or _mentions(scenario, "other."):
        await _add_identity(state, "other", f"/i{world.serial()}", None)
    for name in sorted({"evil", *places} - {"client", "other"}):
        place = places.get(name)
        beside = state.sites[place.beside] if place and place.beside else None
        state.sites[name] = await world.site(label, name, prefix, place, beside)
    _spoil(state, places)
    _apply_flow_changes(state)
    return state


def _spoil(state: AsState, places: dict[str, Place]) -> None:
    """Put the TLS of places out of order, where the scenario says so."""
    doors, manner = state.world.doors, state.client.manner
    for name, place in places.items():
        site = state.sites[name]
        if place.tls is None or doors is None or site.address is None:
            continue
        document = name == "client"
        asks = Message.CLIENT_DOCUMENT_REQUEST if document else Message.JWKS_REQUEST
        keep = manner.say_nothing(state.client.fetches[asks])
        doors.spoil(site.host, site.address, place.tls, keep)


def _waits(scenario: Scenario | None) -> bool:
    """Whether the target is made to wait, so that we have to wait for the target."""
    if scenario is None:
        return False
    modes = {str(c.value) for c in scenario.change if c.at == ["mode"]}
    silent = any(place.tls == TlsFault.SILENT for place in scenario.place)
    return silent or bool(modes & PATIENT_MODES)


def _mentions(scenario: Scenario | None, word: str) -> bool:
    return scenario is not None and f"{{{word}" in repr(scenario)


async def _add_identity(
    state: AsState, name: str, prefix: str, place: Place | None
) -> None:
    world = state.world
    site = await world.site(state.label, name, prefix, place)
    own = Site("client", site.host, site.address, prefix)
    variant = dict(state.variant)
    if "jwks-uri-only" in state.accommodations:
        variant["keys"] = "jwks_uri"
    identity = Identity(
        own,
        state.target,
        variant,
        state.on_served,
        state.changes,
        foreign=[key for one in state.identities.values() for key in one.keys],
        delivered=state.sent,
        manner=Manner(world.pace, world.patience),
    )
    if name != "client":
        identity.active = list
    state.sites[name] = site
    state.identities[name] = identity
    web = world.web
    web.publish(f"{prefix}/client.json", identity.serve_document)
    web.publish(f"{prefix}/jwks.json", identity.serve_jwks)
    web.publish(f"{prefix}/callback", identity.serve_callback)
    web.publish(f"{prefix}/logo.png", identity.serve_logo)


def _apply_flow_changes(state: AsState) -> None:
    for change in state.changes(Message.FLOW):
        name = str(change.at[0]) if change.at else ""
        if name not in state.client.variables:
            raise HarnessError("flow-variable", f"There is no flow variable {name!r}.")
        state.client.variables[name] = str(change.value)
        _publish_client_url(state)


def _publish_client_url(state: AsState) -> None:
    """Serve the document also at the path of a changed client_id, or at the root."""
    client, web = state.client, state.world.web
    _, _, rest = client.variables["client_id"].partition("://")
    host, slash, path = rest.partition("/")
    path = (slash + path).partition("#")[0].partition("?")[0]
    if path.startswith(client.site.prefix + "/"):
        web.publish(path, client.serve_document)
    elif path in ("", "/") and host == client.site.host:
        web.publish(_root(client.site), client.serve_document)


def _root(site: Site) -> str:
    return f"//{site.host}/"


async def finish(state: AsState) -> None:
    """Close connections and take the pages down."""
    await state.http.close()
    for site in state.sites.values():
        if state.world.doors is not None and site.address is not None:
            state.world.doors.mend(site.host, site.address)
    for identity in state.identities.values():
        state.world.web.withdraw(identity.site.prefix + "/")
        state.world.web.withdraw(_root(identity.site))
    await asyncio.sleep(0)
