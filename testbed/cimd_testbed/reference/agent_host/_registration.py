"""Dynamic client registration: the way of last resort (RFC 7591)."""

from __future__ import annotations

import json

from cimd_testbed.core import JsonObject, parse_json_object
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._discovery import Found
from cimd_testbed.reference.agent_host._errors import stopped
from cimd_testbed.reference.agent_host._outgoing import Outgoing

_JSON = (("Content-Type", "application/json"), ("Accept", "application/json"))


async def register(
    out: Outgoing, checks: AgentHostChecks, found: Found, document: JsonObject
) -> str:
    """Register what the document says; return the `client_id` that was given.

    Raises `Stopped` when the server refuses.
    """
    url = found.endpoint("registration_endpoint")
    body = json.dumps(checks.registered_members(document).plain()).encode()
    refusals = 0
    while True:
        response = await out.request("POST", url, _JSON, body)
        if response.status in (200, 201):
            return _client_id(response.body)
        refusals += 1
        if not checks.registration_again(refusals):
            reason = f"The server refuses to register this client: {response.status}."
            raise stopped("client-dcr-rejection", reason)


def _client_id(body: bytes) -> str:
    try:
        client_id = parse_json_object(body).text("client_id")
    except ValueError:
        client_id = None
    if not client_id:
        raise stopped("client-dcr-rejection", "The registration has no client_id.")
    return client_id
