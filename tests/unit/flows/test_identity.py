"""A client as the target sees it: its document and keys, served and changed."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from cimd_conformance.flows import Site
from cimd_conformance.flows.authorization_server import TargetView
from cimd_conformance.flows.authorization_server._identity import Identity
from cimd_conformance.model import Change, Message, Op
from cimd_testbed.net import Arrival, Request, Response
from cimd_testbed.parties import Credentials, lasting_key

LOOPBACK = ipaddress.ip_address("127.0.0.1")
SITE = Site("client", "client-1.cimd-hosts.net", LOOPBACK, "/i1")
ORIGIN = "https://client-1.cimd-hosts.net"


def target(**document: Any) -> TargetView:
    return TargetView(
        "t",
        "https://as",
        {},
        "https://as/mcp",
        "read",
        "jwks",
        (Credentials("u", "p"),),
        frozenset(),
        document,
        {},
    )


class Client:
    """An identity with its changes, and what it told about."""

    def __init__(self, *changes: Change, auth: str = "none", **more: Any) -> None:
        self.told: list[tuple[str, bool]] = []
        self.changes = list(changes)
        self.identity = Identity(
            SITE,
            target(**more.pop("document", {})),
            {"auth": auth, **more},
            self._served,
            lambda: self.changes,
        )

    def _served(
        self, message: str, _request: Request, _response: Response, changed: bool
    ) -> None:
        self.told.append((message, changed))

    async def fetch(self, path: str = "client.json") -> Response:
        arrival = Arrival(LOOPBACK, 443, LOOPBACK)
        request = Request("GET", f"/i1/{path}", (), b"", arrival)
        serve = {
            "client.json": self.identity.serve_document,
            "jwks.json": self.identity.serve_jwks,
            "logo.png": self.identity.serve_logo,
            "callback": self.identity.serve_callback,
        }
        return await serve[path](request)


async def test_the_honest_document_of_a_public_client() -> None:
    client = Client()
    response = await client.fetch()
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    assert json.loads(response.body) == {
        "client_id": f"{ORIGIN}/i1/client.json",
        "client_name": "Conformance Agent",
        "client_uri": f"{ORIGIN}/",
        "redirect_uris": [f"{ORIGIN}/i1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": "read",
    }
    assert client.told == [("client_document", False)]
    assert not client.identity.delivered


@pytest.mark.parametrize("keys", ["jwks", "jwks_uri"])
async def test_the_document_of_a_confidential_client(keys: str) -> None:
    client = Client(auth="private_key_jwt", keys=keys, alg="ES256")
    document = json.loads((await client.fetch()).body)
    assert document["token_endpoint_auth_method"] == "private_key_jwt"
    assert ("jwks" in document) is (keys == "jwks")
    assert ("jwks_uri" in document) is (keys == "jwks_uri")
    published = json.loads((await client.fetch("jwks.json")).body)
    assert published == client.identity.jwks()
    assert not {"d", "p", "q"} & set(published["keys"][0])


async def test_the_target_file_can_add_members() -> None:
    client = Client(document={"software_id": "x"})
    assert json.loads((await client.fetch()).body)["software_id"] == "x"


async def test_a_changed_document_counts_as_delivered_once_it_is_fetched() -> None:
    client = Client(Change(Message.CLIENT_DOCUMENT, ["client_id"], value="https://x"))
    assert not client.identity.delivered
    assert json.loads((await client.fetch()).body)["client_id"] == "https://x"
    assert client.identity.delivered == {Message.CLIENT_DOCUMENT}
    assert client.told == [("client_document", True)]


async def test_a_changed_answer_counts_as_delivered_too() -> None:
    client = Client(
        Change(Message.CLIENT_DOCUMENT_RESPONSE, ["status"], value=302),
        Change(
            Message.CLIENT_DOCUMENT_RESPONSE, ["headers", "Location"], value="https://x"
        ),
    )
    response = await client.fetch()
    assert (response.status, response.header("location")) == (302, "https://x")
    assert client.identity.delivered == {Message.CLIENT_DOCUMENT_RESPONSE}


async def test_other_pages_carry_no_change_of_the_document() -> None:
    client = Client(Change(Message.CLIENT_DOCUMENT, ["x"], value=1))
    for path in ("jwks.json", "logo.png", "callback"):
        await client.fetch(path)
    assert not client.identity.delivered
    assert [told for told in client.told if told[1]] == []


@pytest.mark.parametrize("keep", [False, True])
def test_rotation_publishes_a_new_key(keep: bool) -> None:
    identity = Client(auth="private_key_jwt").identity
    old = identity.keys[-1]
    identity.rotate(keep=keep)
    assert identity.keys[-1] is not old
    assert (old in identity.keys) is keep
    assert identity.retired == [old]


async def test_a_duplicate_member_is_on_the_wire() -> None:
    client = Client(
        Change(Message.CLIENT_DOCUMENT, ["client_id"], Op.DUPLICATE, "https://x")
    )
    body = (await client.fetch()).body
    assert body.count(b'"client_id"') == 2
    assert Message.CLIENT_DOCUMENT in client.identity.delivered


def test_a_lasting_key_belongs_to_its_secret() -> None:
    key = lasting_key(b"\xff" * 32)
    assert key.public_jwk == lasting_key(b"\xff" * 32).public_jwk
    other = lasting_key(bytes(32))
    assert other.public_jwk["x"] != key.public_jwk["x"]
    assert other.kid != key.kid
