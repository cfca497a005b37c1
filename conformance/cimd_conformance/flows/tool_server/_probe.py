"""Before a run: which form of the protocol a target speaks, and which tool to call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cimd_conformance.flows._flow import FlowResult, StepEnd
from cimd_conformance.flows.tool_server._state import ToolState, finish, make_state
from cimd_conformance.flows.tool_server._verbs import call, connect, list_tools
from cimd_conformance.flows.tool_server._world import (
    LEGACY,
    MODERN,
    ToolCall,
    ToolView,
    ToolWorld,
)
from cimd_conformance.model import Message, Outcome, Step, Verb
from cimd_testbed.net import HttpError

UNKNOWN_TOOL = ToolCall("", {})
"""Stands in a view until the target's list of tools was read."""

_SAMPLES: dict[str, Any] = {
    "string": "{marker}",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What one form of the protocol came to."""

    protocol: str
    label: str
    """Under which its exchanges are filed."""
    view: ToolView | None
    """With the tool that works; None when none does."""
    result: FlowResult
    tools: tuple[str, ...] = ()
    """The tools of the target's list."""


async def probe(world: ToolWorld, source: str) -> list[Tried]:
    """Try both forms of the protocol; what works is put into the world's view."""
    tried = []
    for protocol in (MODERN, LEGACY):
        one = await _try(world, source, protocol)
        if one.view is not None:
            world.views[source] = one.view
        tried.append(one)
    spoken = frozenset(one.protocol for one in tried if one.view is not None)
    world.views[source] = replace(world.views[source], protocols=spoken)
    return tried


async def list_calls(world: ToolWorld, source: str) -> list[ToolCall]:
    """Return the tools that may be called, those with the fewest arguments first."""
    protocol = max(world.views[source].protocols)
    variant = {"token": source, "protocol": protocol}
    state = await make_state(world, "tools", None, variant)
    try:
        if protocol == LEGACY:
            await connect(state, Step(Verb.CONNECT))
        end = await list_tools(state, Step(Verb.LIST))
        return _listed(state) if end.outcome is Outcome.COMPLETED else []
    except (HttpError, OSError, TimeoutError):
        return []
    finally:
        await finish(state)


async def _try(world: ToolWorld, source: str, protocol: str) -> Tried:
    """Connect, list and call in one form."""
    variant = {"token": source, "protocol": protocol}
    label = f"probe/{protocol}"
    state = await make_state(world, label, None, variant)
    view: ToolView | None = None
    end = StepEnd(Verb.CONNECT, None, Outcome.NO_ANSWER, "")
    try:
        end = await connect(state, Step(Verb.CONNECT))
        if end.outcome is Outcome.COMPLETED:
            end = await list_tools(state, Step(Verb.LIST))
        listed = _listed(state) if end.outcome is Outcome.COMPLETED else []
        if end.outcome is Outcome.COMPLETED:
            view, end = await _first_that_works(state, listed)
    except (HttpError, OSError, TimeoutError) as error:
        listed = []
        detail = f"no answer: {type(error).__name__} {error}"
        end = StepEnd(end.verb, None, Outcome.NO_ANSWER, detail)
    finally:
        await finish(state)
    result = FlowResult(
        end.outcome,
        end.detail,
        [end],
        state.messages,
        changed=True,
        evidence=tuple(state.numbers),
        redact=state.redactor.text,
    )
    return Tried(protocol, label, view, result, tuple(one.name for one in listed))


async def _first_that_works(
    state: ToolState, listed: list[ToolCall]
) -> tuple[ToolView | None, StepEnd]:
    view = state.view
    end = StepEnd(Verb.LIST, None, Outcome.NO_ANSWER, "the target lists no tools")
    for tool in [view.tool] if view.tool.name else listed:
        state.view = replace(view, tool=tool)
        end = await call(state, Step(Verb.CALL))
        if end.outcome is Outcome.COMPLETED:
            sessions = view.sessions or bool(state.caller("client").session)
            return replace(state.view, sessions=sessions), end
        end = replace(end, detail=f"{tool.name}: {end.detail}")
    return None, end


def _listed(state: ToolState) -> list[ToolCall]:
    """Return the tools of the list, those with the fewest arguments first.

    Of these, one that says of itself that it destroys something comes last.
    """
    body = state.messages[Message.MCP_RESPONSE]["body"]
    result = body.get("result") if isinstance(body, dict) else None
    listed = result.get("tools") if isinstance(result, dict) else None
    tools = [one for one in listed or [] if isinstance(one, dict) and one.get("name")]
    tools.sort(key=lambda one: _destroys(one.get("annotations")))
    calls = [
        ToolCall(str(one["name"]), minimal(one.get("inputSchema"))) for one in tools
    ]
    return sorted(calls, key=lambda one: len(one.arguments))


def _destroys(annotations: Any) -> bool:
    return isinstance(annotations, dict) and annotations.get("destructiveHint") is True


def minimal(schema: Any) -> dict[str, Any]:
    """Return the least arguments that a schema asks for."""
    if not isinstance(schema, dict):
        return {}
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    return {str(name): _sample(known.get(name)) for name in schema.get("required", [])}


def _sample(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return "{marker}"
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else "string"
    if kind == "object":
        return minimal(schema)
    return _SAMPLES.get(str(kind), "{marker}")
