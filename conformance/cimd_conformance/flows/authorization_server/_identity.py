"""One client of one scenario: its URL, its documents, its keys, its user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cimd_conformance.flows._edit import changes_of, edit_tree, to_json
from cimd_conformance.flows._world import Site
from cimd_conformance.flows.authorization_server._answers import (
    Fetches,
    Manner,
    honest_tree,
)
from cimd_conformance.flows.authorization_server._world import TargetView
from cimd_conformance.model import Change, Message
from cimd_testbed.net import Request, Response
from cimd_testbed.parties import RealPace, SigningKey, new_key

_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)

_REQUESTS = {
    Message.CLIENT_DOCUMENT_RESPONSE: Message.CLIENT_DOCUMENT_REQUEST,
    Message.JWKS_RESPONSE: Message.JWKS_REQUEST,
    Message.LOGO_RESPONSE: Message.LOGO_REQUEST,
}
FETCHES = tuple(_REQUESTS.values())
"""The requests with which the target fetches what the client publishes."""

OnServed = Callable[[str, Request, Response, bool], None]
"""message, request, response, changed."""


@dataclass(slots=True)
class Identity:
    """A client: `variables` are the flow variables that every message is made of."""

    site: Site
    target: TargetView
    variant: dict[str, str]
    served: OnServed
    active: Callable[[], list[Change]]
    """The changes in force now, with their placeholders filled in."""
    variables: dict[str, str] = field(default_factory=dict)
    keys: list[SigningKey] = field(default_factory=list)
    """The published keys, newest last."""
    retired: list[SigningKey] = field(default_factory=list)
    foreign: list[SigningKey] = field(default_factory=list)
    """Keys of the scenario's other client."""
    delivered: set[Message] = field(default_factory=set)
    """Where to note served messages that reached the target in their changed form."""
    manner: Manner = field(default_factory=lambda: Manner(RealPace(), 40.0))
    fetches: dict[Message, Fetches] = field(
        default_factory=lambda: {message: Fetches() for message in FETCHES}
    )
    """What the target fetched, by the message that asks for it."""

    def __post_init__(self) -> None:
        """Make the first key and the variables of a legitimate flow."""
        self.keys.append(self.another_key())
        names = self.site.names()
        self.variables = {
            "client_id": names["client.document"],
            "redirect_uri": names["client.callback"],
            "scope": self.target.scope,
            "resource": self.target.resource,
        }

    @property
    def authenticates(self) -> bool:
        """Whether the client uses `private_key_jwt`."""
        return self.variant.get("auth") == "private_key_jwt"

    def another_key(self) -> SigningKey:
        """Make a key unlike all others of this scenario."""
        alg = self.variant.get("alg", "ES256")
        return new_key(alg, [*self.keys, *self.retired, *self.foreign])

    def rotate(self, *, keep: bool) -> None:
        """Publish a new key; the old one stays beside it only when told to."""
        old = self.keys[-1]
        self.retired.append(old)
        fresh = self.another_key()
        self.keys = [*self.keys, fresh] if keep else [fresh]

    def jwks(self) -> dict[str, Any]:
        """Return the key set as published."""
        return {"keys": [key.public_jwk for key in self.keys]}

    def document(self) -> dict[str, Any]:
        """Return the honest client metadata document."""
        document: dict[str, Any] = {
            "client_id": self.variables["client_id"],
            "client_name": "Conformance Agent",
            "client_uri": self.site.origin + "/",
            "redirect_uris": [self.variables["redirect_uri"]],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": self.variant.get("auth", "none"),
        }
        if self.variables["scope"]:
            document["scope"] = self.variables["scope"]
        if self.authenticates:
            document["token_endpoint_auth_signing_alg"] = self.keys[-1].alg
            if self.variant.get("keys") == "jwks_uri":
                document["jwks_uri"] = self.site.names()["client.jwks"]
            else:
                document["jwks"] = self.jwks()
        return {**document, **self.target.document}

    async def serve_document(self, request: Request) -> Response:
        """Answer a fetch of the client metadata document."""
        body, changed = self._body(Message.CLIENT_DOCUMENT, self.document())
        return self._respond(
            Message.CLIENT_DOCUMENT_RESPONSE,
            request,
            body,
            Message.CLIENT_DOCUMENT if changed else None,
        )

    async def serve_jwks(self, request: Request) -> Response:
        """Answer a fetch of the key set."""
        body, changed = self._body(Message.JWKS, self.jwks())
        return self._respond(
            Message.JWKS_RESPONSE, request, body, Message.JWKS if changed else None
        )

    async def serve_callback(self, request: Request) -> Response:
        """Answer a visit of the redirect URI (a browser of ours never makes one)."""
        response = Response(200, (("Content-Type", "text/plain"),), b"callback\n")
        self.served("callback", request, response, False)
        return response

    async def serve_logo(self, request: Request) -> Response:
        """Answer a fetch of the logo."""
        return self._respond(Message.LOGO_RESPONSE, request, _PIXEL, None, "image/png")

    def _body(self, message: Message, tree: dict[str, Any]) -> tuple[bytes, bool]:
        changes = changes_of(self.active(), message)
        return to_json(edit_tree(tree, changes), changes), bool(changes)

    def _respond(
        self,
        message: Message,
        request: Request,
        body: bytes,
        edited: Message | None,
        kind: str = "application/json",
    ) -> Response:
        changes = changes_of(self.active(), message)
        tree = edit_tree(honest_tree(kind), changes)
        fetches = self.fetches[_REQUESTS[message]]
        response = self.manner.answer(tree, body, request, fetches)
        if changes:
            self.delivered.add(message)
        if edited:
            self.delivered.add(edited)
        name = message.value.removesuffix("_response")
        self.served(name, request, response, bool(changes or edited))
        return response
