"""Discovery: a request without a token, and the metadata that it leads to."""

from __future__ import annotations

from typing import Any

from cimd_conformance.flows._edit import edit_tree
from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows._json import read_json
from cimd_conformance.flows.tool_server._requests import Ask, greeting, send
from cimd_conformance.flows.tool_server._state import ToolState
from cimd_conformance.model import Message, Outcome, Step
from cimd_testbed.core import split_url
from cimd_testbed.net import Response

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


async def discover(state: ToolState, step: Step) -> StepEnd:
    """Follow the challenge, and look at both well-known places (RFC 9728)."""
    method, params = greeting(state.protocol)
    caller = state.caller("client")
    answer = await send(state, caller, Ask(method, params, None), changed=False)
    challenge = state.messages.get(Message.CHALLENGE, {})
    found: dict[str, Any] = {}
    for place, url in _places(state, challenge.get("resource_metadata")).items():
        found[place] = await _fetch(state, url)
    state.messages[Message.PRM] = _summary(state, found)
    where = ", ".join(place for place, one in found.items() if one["document"])
    if not where:
        detail = f"{answer.detail}; no protected resource metadata anywhere"
        return StepEnd(step.do, step.name, Outcome.REFUSED_404, detail)
    detail = f"{answer.detail}; metadata found by: {where}"
    return StepEnd(step.do, step.name, Outcome.COMPLETED, detail)


def _places(state: ToolState, named: str | None) -> dict[str, str]:
    """Return where the metadata can be; only the target's own origin is asked."""
    resource = split_url(state.view.resource)
    base = resource.origin + _WELL_KNOWN
    places = {"path": f"{base}{resource.path.rstrip('/')}", "root": base}
    own = split_url(named or "").origin == resource.origin
    return {"challenge": named, **places} if named and own else places


async def _fetch(state: ToolState, url: str) -> dict[str, Any]:
    changes = state.changes(Message.PRM_REQUEST)
    tree = edit_tree({"headers": {"Accept": "application/json"}}, changes)
    if changes:
        state.sent.add(Message.PRM_REQUEST)
    headers = tuple((name, str(value)) for name, value in tree["headers"].items())
    response: Response | None = None
    try:
        response = await state.http.request("GET", url, headers)
    finally:
        state.record("prm", "GET", url, headers, b"", response, changed=bool(changes))
    document: Any = None
    if response.status == 200:
        try:
            document = read_json(response.body)
        except ValueError:
            document = None
    kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
    return {
        "status": response.status,
        "type": kind,
        "text": response.text,
        "document": document if isinstance(document, dict) else None,
    }


def _summary(state: ToolState, found: dict[str, Any]) -> dict[str, Any]:
    """Put together what expectations ask about."""
    good = {place: one for place, one in found.items() if one["document"]}
    best: dict[str, Any] = next(iter(good.values()), {})
    document = best.get("document") or {}
    wanted = {state.view.resource}
    if set(good) == {"root"}:  # where a server with a path may put it, is in dispute
        wanted.add(split_url(state.view.resource).origin)
    identical = all(one["document"].get("resource") in wanted for one in good.values())
    return {
        "found": list(good),
        "type": best.get("type"),
        "document": document,
        "identity": "identical" if identical else "different",
        "text": "\n".join(one["text"] for one in good.values()),
    }
