"""The state of one flow of a tool server: our clients, their tokens and sessions."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.flows._flow import FlowState
from cimd_conformance.flows.tool_server._world import (
    LEGACY,
    MODERN,
    ToolView,
    ToolWorld,
)
from cimd_conformance.model import Scenario
from cimd_testbed.core import split_url
from cimd_testbed.parties import SigningKey

_LONG = 86400.0
_IDS = 1000
"""How many requests a flow makes at the most."""


@dataclass(slots=True)
class Caller:
    """One client of one user, with what it holds."""

    name: str
    subject: str
    client_id: str
    token: str = ""
    token_of: str = ""
    """Which changes the token was made with."""
    session: str = ""


@dataclass(slots=True)
class ToolState(FlowState):
    """What the steps hand on."""

    world: ToolWorld
    view: ToolView = field(kw_only=True)
    callers: dict[str, Caller] = field(default_factory=dict)
    marker: str = ""
    """What the latest call of the tool had in its arguments."""
    registered: list[str] = field(default_factory=list)
    """Tokens about which the issuer answers for this flow."""
    revoked: set[str] = field(default_factory=set)
    rotated_from: list[SigningKey] = field(default_factory=list)
    """The issuer's keys before this flow rotated them."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    """The ids of JSON-RPC requests: no other flow has the same."""

    @property
    def protocol(self) -> str:
        """The form of the protocol that this flow speaks."""
        stated = self.variant.get("protocol")
        return stated or (MODERN if MODERN in self.view.protocols else LEGACY)

    def next_id(self) -> int:
        """Return the id of the next JSON-RPC request."""
        return next(self.ids)

    def caller(self, name: str) -> Caller:
        """Return one of our clients, made when it is first asked for."""
        if name not in self.callers:
            number = self.world.serial()
            client_id = f"{self.sites['client'].origin}/i{number}/client.json"
            self.callers[name] = Caller(name, f"user-{number}", client_id)
        return self.callers[name]

    def known(self) -> dict[str, Any]:
        """Return the placeholders and their values."""
        view, client = self.view, self.callers.get("client")
        resource = split_url(view.resource)
        tool_scope = view.tool_scope or view.scope
        return {
            **FlowState.known(self),
            "issuer": self.world.issuer.issuer,
            "resource": view.resource,
            "resource.origin": resource.origin,
            "resource.host": resource.authority or "",
            "resource.path": resource.path,
            "audience": view.audience,
            "audience.upper": _other_case(view.audience),
            "scope": view.scope,
            "scope.base": view.base_scope,
            "scope.first": view.scope.partition(" ")[0],
            "tool.name": view.tool.name,
            "tool.base64": base64.b64encode(view.tool.name.encode()).decode(),
            "tool.scope": tool_scope,
            "tool.scope.broader": view.broader_scope,
            "tool.scope.first": tool_scope.partition(" ")[0],
            "marker": self.marker,
            "token": client.token if client else "",
            "client_id": client.client_id if client else "",
        }

    def places(self) -> dict[str, str]:
        """Return where the tool server is, and the issuer that it trusts."""
        return {
            "resource": self.view.resource,
            "issuer": self.world.issuer.issuer,
            "client_id": self.caller("client").client_id,
            **FlowState.places(self),
        }


def _other_case(audience: str) -> str:
    """Return an audience whose path is in upper case, or has one at all."""
    parts = split_url(audience)
    path = parts.path.upper()
    return parts.origin + (path if path != parts.path else f"{path}/MCP")


async def make_state(
    world: ToolWorld, label: str, scenario: Scenario | None, variant: dict[str, str]
) -> ToolState:
    """Prepare fresh clients of the same shape as the control's, and the places."""
    view = world.view(variant)
    state = ToolState(world, label, scenario, variant, world.http(label), view=view)
    places = {place.name: place for place in (scenario.place if scenario else [])}
    number = world.serial()
    state.ids, prefix = itertools.count(number * _IDS + 1), f"/i{number}"
    for name in {"client", "evil", *places}:
        state.sites[name] = await world.site(label, name, prefix, places.get(name))
    state.caller("client")
    return state


async def finish(state: ToolState) -> None:
    """Close connections, forget the tokens, and give the issuer its keys back."""
    await state.http.close()
    world = state.world
    for token in state.registered:
        world.issuer.answers.pop(token, None)
    if state.rotated_from:
        world.issuer.keys = state.rotated_from
        if world.advance is not None:  # until the target asks for the keys again
            await world.advance(_LONG)
    await asyncio.sleep(0)
