"""The state of one flow of an agent host: our servers, our browser, what came."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cimd_conformance.flows._flow import FlowState
from cimd_conformance.flows.agent_host._browser import PlayedBrowser
from cimd_conformance.flows.agent_host._messages import edit_message
from cimd_conformance.flows.agent_host._stage import (
    BROWSER,
    LIFETIME,
    MORE_SCOPE,
    Stage,
    url_of,
)
from cimd_conformance.flows.agent_host._world import AgentWorld
from cimd_conformance.model import HarnessError, Message, Scenario
from cimd_testbed.core import split_url
from cimd_testbed.net import Request, Response
from cimd_testbed.parties import Tree, read_jwt

_OAUTH = {
    "authorization_request": Message.AUTHORIZATION_REQUEST,
    "token_request": Message.TOKEN_REQUEST,
    "refresh_request": Message.REFRESH_REQUEST,
}
_FRESH = {
    "authorization_request": ("state", "code_challenge"),
    "token_request": ("code_verifier",),
    "refresh_request": (),
}


@dataclass(slots=True)
class AgentState(FlowState):
    """What the steps hand on."""

    world: AgentWorld
    flow: str = "connect"
    serial: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    """issuer, server_url, and where metadata is when it is not at its usual place."""
    stage: Stage = field(init=False)
    browser: PlayedBrowser = field(init=False)

    def __post_init__(self) -> None:
        """Set the stage."""
        FlowState.__post_init__(self)
        self.stage = Stage(self.edit, self.on_exchange)
        self.stage.on_oauth = self.on_oauth
        self.stage.on_call = self.on_call
        self.browser = PlayedBrowser(
            self.http, self.stage, self._is_ours, self.on_callback
        )

    def known(self) -> dict[str, Any]:
        """Return the placeholders and their values."""
        asked = self.messages.get(Message.AUTHORIZATION_REQUEST, {})
        names = {
            **FlowState.known(self),
            **{f"flow.{name}": value for name, value in asked.items()},
            **{f"flow.{name}": value for name, value in self.variables.items()},
        }
        if "issuer" in self.variables:
            names["issuer"] = self.variables["issuer"]
        return names

    def _is_ours(self, host: str) -> bool:
        return any(site.host == host for site in self.sites.values())

    # --- what the stage tells -------------------------------------------------------

    def edit(self, name: str, request: Request, tree: Tree) -> Tree:
        """Put the scenario's change into one response."""
        tree, changed = edit_message(name, tree, self.changes)
        if changed:
            self.stage.changed = True
        if name == "authorization_response" and request.header("user-agent") == BROWSER:
            return tree  # delivered when the browser has gone on to the client
        self.sent |= changed
        return tree

    def on_exchange(
        self,
        place: str,
        message: str,
        request: Request,
        response: Response,
        changed: bool,
    ) -> None:
        """Record what the client (or the browser, for it) asked of us."""
        self._learn(request)
        browser = request.header("user-agent") == BROWSER
        self.record(
            message.replace("-", "_"),
            request.method,
            url_of(request),
            request.headers,
            request.body,
            response,
            sender="browser" if browser else "target",
            receiver=place,
            changed=changed,
        )

    def _learn(self, request: Request) -> None:
        for name in ("code_verifier", "refresh_token", "code"):
            value = dict(request.form).get(name)
            if value:
                self.redactor.secret(name.replace("_", "-"), value)

    def on_oauth(self, message: str, request: Request) -> None:
        """Keep an OAuth request for expectations; count what must be fresh."""
        if message not in _OAUTH:
            return
        params = request.query if request.method == "GET" else request.form
        values: dict[str, Any] = dict(params)
        self._count_fresh(message, values)
        if message == "token_request":
            challenge = self.messages.get(Message.AUTHORIZATION_REQUEST, {}).get(
                "code_challenge"
            )
            verifier = values.get("code_verifier", "")
            values["verifier"] = _verifier(verifier, challenge)
        if message == "refresh_request":
            newest = values.get("refresh_token") == self.stage.tokens.newest_refresh
            values["newest"] = "yes" if newest else "no"
        self.messages[_OAUTH[message]] = values
        assertion = values.get("client_assertion")
        if assertion:
            self._keep_assertion(assertion)

    def _count_fresh(self, message: str, values: dict[str, Any]) -> None:
        for name in _FRESH[message]:
            if name in values:
                self.stage.traffic.values[f"{name} {values[name]}"] += 1

    def _keep_assertion(self, assertion: str) -> None:
        try:
            header, claims = read_jwt(assertion)
        except ValueError:
            return
        self.messages[Message.CLIENT_ASSERTION] = {"header": header, "claims": claims}
        self.stage.traffic.values[f"jti {claims.get('jti')}"] += 1

    def on_call(self, request: Request) -> None:
        """Keep the last request to the MCP endpoint."""
        headers = {name.lower(): value for name, value in request.headers}
        bearer = headers.pop("authorization", None)
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        self.messages[Message.MCP_REQUEST] = {
            "headers": headers,
            "bearer": bearer is not None,
            "json": body,
        }

    def on_callback(self, url: str, response: Response | None, arrived: bool) -> None:
        """Note that the authorization response reached the client."""
        self.record(
            "authorization_response",
            "GET",
            url,
            (),
            b"",
            response,
            sender="browser",
            receiver="target",
            changed=bool(self.changes(Message.AUTHORIZATION_RESPONSE)),
        )
        if not arrived:
            return
        self.stage.events.append("callback")
        if self.changes(Message.AUTHORIZATION_RESPONSE):
            self.sent.add(Message.AUTHORIZATION_RESPONSE)
        if response is None:
            return
        self.messages[Message.CALLBACK_PAGE] = {
            "status": response.status,
            "headers": {name.lower(): value for name, value in response.headers},
            "text": response.text,
        }

    def places(self) -> dict[str, str]:
        """Return where the servers are that the client was sent to."""
        return {
            "MCP server": self.variables["server_url"],
            "issuer": self.variables["issuer"],
            **FlowState.places(self),
        }

    def publish(self, redirect_uris: list[str]) -> str:
        """Publish a client metadata document for the target; return its URL."""
        site = self.sites["client"]
        url = f"{site.origin}/client-{self.serial}.json"
        document = {
            "client_id": url,
            "client_name": "Conformance Agent",
            "redirect_uris": redirect_uris,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            **self.world.agent.document,
        }
        body = json.dumps(document).encode()
        headers = (("Content-Type", "application/json"),)

        async def serve(_request: Request) -> Response:
            return Response(200, headers, body)

        self.world.web.publish(split_url(url).path, serve)
        return url


def _verifier(verifier: str, challenge: str | None) -> str:
    """Say in a word whether a verifier fits its challenge (RFC 7636)."""
    if not 43 <= len(verifier) <= 128:
        return "malformed"
    digest = hashlib.sha256(verifier.encode()).digest()
    derived = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return "fits" if derived == challenge else "does not fit"


async def make_state(
    world: AgentWorld,
    label: str,
    flow: str,
    scenario: Scenario | None,
    variant: dict[str, str],
) -> AgentState:
    """Open the scenario's origins and put its servers on them."""
    state = AgentState(world, label, scenario, variant, world.http(label), flow=flow)
    state.serial = world.serial()
    places = {place.name: place for place in (scenario.place if scenario else [])}
    for name in dict.fromkeys(("server", "as", *_wanted(scenario), *places)):
        responder = partial(state.stage.answer, name) if name != "client" else None
        place = places.get(name)
        state.sites[name] = await world.origin(
            label, name, state.serial, responder, place
        )
    _variables(state)
    _open_servers(state)
    return state


def _wanted(scenario: Scenario | None) -> list[str]:
    """Return the further places that a scenario speaks of."""
    if scenario is None:
        return ["client"]
    text = repr(scenario)
    found = [n for n in ("other", "evil") if f"{{{n}." in text or f"'{n}'" in text]
    return ["client", *found]


def _variables(state: AgentState) -> None:
    state.variables = {
        "issuer": state.sites["as"].origin,
        "server_url": f"{state.sites['server'].origin}/mcp",
        "prm_path": "",
        "as_metadata_path": "",
    }
    for change in state.changes(Message.FLOW):
        name = str(change.at[0]) if change.at else ""
        if name not in state.variables:
            raise HarnessError("flow-variable", f"There is no flow variable {name!r}.")
        state.variables[name] = str(change.value)


def _open_servers(state: AgentState) -> None:
    stage, flow = state.stage, state.flow
    options: dict[str, Any] = {}
    if flow == "step-up":
        options["tool_scope"] = (MORE_SCOPE,)
    protocols = (state.variant.get("protocol", "2025-11-25"),)
    stage.expire_after_call = flow == "refresh"
    issuer, url = state.variables["issuer"], state.variables["server_url"]
    stage.add_server("server", url, issuer, protocols=protocols, **options)
    stage.add_issuer("as", issuer, metadata_paths=_paths(state, "as_metadata_path"))
    if flow == "refresh":
        stage.issuers["as"].lifetime = LIFETIME
    stage.servers["server"].metadata_paths = _paths(state, "prm_path")
    for name in ("other", "evil"):
        if name in state.sites:
            origin = state.sites[name].origin
            stage.add_server(name, f"{origin}/mcp", origin, protocols=protocols)
            stage.add_issuer(name, origin)


def _paths(state: AgentState, name: str) -> tuple[str, ...]:
    """Return where metadata is, when a flow variable says so."""
    path = state.variables[name]
    return (path,) if path else ()


async def finish(state: AgentState) -> None:
    """Close the window and take the origins down."""
    await state.browser.close()
    await state.http.close()
    for site in state.sites.values():
        state.world.web.close_site(site.host)
    if "client" in state.sites:
        state.world.web.withdraw(f"/client-{state.serial}.json")
    await asyncio.sleep(0)
