"""The state of one flow of an agent host: our servers, our browser, what came."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

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
from cimd_conformance.model import HarnessError, Message, Place, Scenario
from cimd_testbed.core import split_url
from cimd_testbed.net import Request, Response, Stream
from cimd_testbed.parties import Tree, read_jwt

_OAUTH = {
    "authorization_request": Message.AUTHORIZATION_REQUEST,
    "token_request": Message.TOKEN_REQUEST,
    "refresh_request": Message.REFRESH_REQUEST,
}
_TO_THE_CLIENT = (Message.AUTHORIZATION_RESPONSE, Message.REDIRECT)
"""What the browser takes to the client."""
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
    authorizations: list[dict[str, Any]] = field(default_factory=list)
    """The authorization requests, each once."""
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
        if message == "registration_request":
            self.messages[Message.REGISTRATION_REQUEST] = _registration(request.body)
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
        """Count values by the requests that have them.

        Some clients fetch their authorization URL to see whether it works before they
        open it: that is one request, sent twice.
        """
        if message == "authorization_request":
            if values in self.authorizations:
                return
            self.authorizations.append(values)
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

    def on_callback(
        self, url: str, response: Response | None, arrived: bool
    ) -> str | None:
        """Note that the authorization response reached the client.

        One that was taken elsewhere is followed by an error at the true redirect URI.
        """
        self.record(
            "authorization_response",
            "GET",
            url,
            (),
            b"",
            response,
            sender="browser",
            receiver="target",
            changed=any(map(self.changes, _TO_THE_CLIENT)),
        )
        there = self._redirect_uri_beside(url)
        if not arrived:
            return there
        self.stage.events.append("callback")
        self.sent.update(filter(self.changes, _TO_THE_CLIENT))
        if response is None:
            return there
        self.messages[Message.CALLBACK_PAGE] = {
            "status": response.status,
            "headers": {name.lower(): value for name, value in response.headers},
            "text": response.text,
        }
        return there

    def _redirect_uri_beside(self, url: str) -> str | None:
        """Return an error for the true redirect URI, if a response went elsewhere."""
        asked = self.messages.get(Message.AUTHORIZATION_REQUEST, {})
        true = str(asked.get("redirect_uri", ""))
        if not self.changes(Message.REDIRECT) or url.partition("?")[0] == true:
            return None
        params = {"error": "access_denied", "iss": self.variables["issuer"]}
        if "state" in asked:
            params["state"] = asked["state"]
        return f"{true}?{urlencode(params)}"

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


def _registration(body: bytes) -> dict[str, Any]:
    """Return a registration with what it is to be judged by."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        return {}
    uris = members.get("redirect_uris")
    kinds = {_kind(str(uri)) for uri in uris} if isinstance(uris, list) else set()
    return {**members, "fits": members.get("application_type") in kinds}


def _kind(redirect_uri: str) -> str:
    """Return what a redirect URI makes an application: native on this machine.

    With a URI of each kind either is true.
    """
    parts = split_url(redirect_uri)
    local = parts.host in ("127.0.0.1", "[::1]", "localhost")
    web = parts.scheme in ("http", "https") and not local
    return "web" if web else "native"


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
    _spoil(state, places)
    _variables(state)
    _open_servers(state)
    return state


def _spoil(state: AgentState, places: dict[str, Place]) -> None:
    """Put the TLS of places out of order, where the scenario says so."""
    doors = state.world.doors
    for name, place in places.items():
        site = state.sites[name]
        if place.tls is not None and doors is not None and site.address is not None:
            doors.spoil(site.host, site.address, place.tls, _hang_up)


async def _hang_up(stream: Stream) -> None:
    await stream.close()


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
        "known_by": "document",
        "issuer_beside": "",
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
    documents = state.variables["known_by"] == "document"
    paths = _paths(state, "as_metadata_path")
    stage.add_issuer("as", issuer, metadata_paths=paths, documents=documents)
    if state.variables["issuer_beside"]:
        stage.add_issuer("server", state.variables["issuer_beside"])
    if flow == "refresh":
        stage.issuers["as"].lifetime = LIFETIME
    stage.servers["server"].metadata_paths = _paths(state, "prm_path")
    for name in ("other", "evil"):
        if name in state.sites:
            origin = state.sites[name].origin
            stage.add_server(name, f"{origin}/mcp", origin, protocols=protocols)
            stage.add_issuer(name, origin, documents=documents)


def _paths(state: AgentState, name: str) -> tuple[str, ...]:
    """Return where metadata is, when a flow variable says so: one path or several."""
    return tuple(state.variables[name].split())


async def finish(state: AgentState) -> None:
    """Close the window and take the origins down."""
    await state.browser.close()
    await state.http.close()
    for site in state.sites.values():
        state.world.web.close_site(site.host)
        if state.world.doors is not None and site.address is not None:
            state.world.doors.mend(site.host, site.address)
    if "client" in state.sites:
        state.world.web.withdraw(f"/client-{state.serial}.json")
    await asyncio.sleep(0)
