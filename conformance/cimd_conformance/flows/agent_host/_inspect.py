"""The verb `inspect`: fetch what the client publishes, as any server would."""

from __future__ import annotations

import json
from typing import Any

from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.agent_host._state import AgentState
from cimd_conformance.lint import lint_document, parse
from cimd_conformance.model import Message, Outcome, Step
from cimd_testbed.core import split_url
from cimd_testbed.net import ForbiddenAddressError, HttpError, Response

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_BAD_IDENTIFIER = {
    f"cimd-client-id-{rule}"
    for rule in ("https", "path-required", "dot-segments", "fragment", "userinfo")
}
_BAD_REDIRECT = "cimd-doc-redirect-uri-"
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


async def inspect(state: AgentState, step: Step) -> StepEnd:
    """Fetch the document at the client_id that was sent, then the keys it names."""
    asked = state.messages.get(Message.AUTHORIZATION_REQUEST, {})
    client_id = str(asked.get("client_id", ""))
    response, document = await _fetch(state, "client_document", client_id)
    state.messages[Message.CLIENT_DOCUMENT_RESPONSE] = {
        **_around(response),
        "violates": _violated(response, client_id),
    }
    state.messages[Message.CLIENT_DOCUMENT] = document
    if not isinstance(document, dict):
        detail = f"HTTP {response.status} at {client_id}, not a JSON object"
        return StepEnd(step.do, step.name, Outcome.COMPLETED, detail)
    document["redirect_uri_of_the_request"] = (
        "listed" if _lists(document, str(asked.get("redirect_uri"))) else "not listed"
    )
    keys: Any = document.get("jwks")
    if isinstance(document.get("jwks_uri"), str):
        answer, keys = await _fetch(state, "jwks", document["jwks_uri"])
        state.messages[Message.JWKS_RESPONSE] = _around(answer)
    found = keys.get("keys") if isinstance(keys, dict) else None
    if isinstance(found, list):
        private = sorted({name for key in found for name in _PRIVATE if name in key})
        kids = [key.get("kid") for key in found if isinstance(key, dict)]
        state.messages[Message.JWKS] = {
            "keys": found,
            "private": private,
            "count": len(found),
            "kids": "unique" if len(kids) == len(set(kids)) else "repeated",
        }
    return StepEnd(step.do, step.name, Outcome.COMPLETED, "document read")


def _violated(response: Response, client_id: str) -> list[str]:
    """Return the requirements that the document violates, by the rules of `lint`."""
    parsed = parse(response.body)
    found = {wrong.requirement for wrong in parsed.wrong}
    if parsed.members is not None:
        found |= {
            wrong.requirement for wrong in lint_document(parsed.members, client_id)
        }
    if found & _BAD_IDENTIFIER:
        found.add("cimd-client-id-own-url-valid")
    if any(name.startswith(_BAD_REDIRECT) for name in found):
        found.add("cimd-client-redirect-localhost-or-https")
    return sorted(found)


def _lists(document: dict[str, Any], used: str) -> bool:
    """Whether the redirect URI of the request is listed; a loopback port may vary."""
    listed = document.get("redirect_uris")
    uris = [uri for uri in listed if isinstance(uri, str)] if listed else []
    if used in uris:
        return True
    wanted = split_url(used)
    here = (wanted.scheme, wanted.host, wanted.path)
    return wanted.host in _LOOPBACK and any(
        (there.scheme, there.host, there.path) == here for there in map(split_url, uris)
    )


def _around(response: Response) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in response.headers}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    fresh = "cache-control" in headers or "expires" in headers
    return {
        "status": response.status,
        "headers": headers,
        "type": kind,
        "caching": "stated" if fresh else "not stated",
    }


async def _fetch(state: AgentState, message: str, url: str) -> tuple[Response, Any]:
    headers = (("Accept", "application/json"),)
    try:
        response = await state.http.request("GET", url, headers)
    except ForbiddenAddressError as error:
        raise HttpError(f"{url} is out of reach on this network") from error
    state.record(
        message, "GET", url, headers, b"", response, sender="as", receiver="target"
    )
    try:
        return response, json.loads(response.body)
    except ValueError:
        return response, None
