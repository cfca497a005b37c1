"""Before a run: which form of the protocol a target speaks, and which tool to call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.tool_server._state import ToolState, finish, make_state
from cimd_conformance.flows.tool_server._verbs import call, connect, list_tools
from cimd_conformance.flows.tool_server._world import (
    LEGACY,
    MODERN,
    ToolCall,
    ToolView,
    ToolWorld,
)
from cimd_conformance.model import Message, Outcome, Step, TargetError, Verb
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


async def probe(world: ToolWorld, source: str) -> ToolView:
    """Return the view with the protocols that work and with a tool that does.

    Raises `TargetError` when a good token opens nothing.
    """
    spoken, seen = set(), []
    for protocol in (MODERN, LEGACY):
        view, said = await _try(world, source, protocol)
        if view is not None:
            world.views[source] = view
            spoken.add(protocol)
        seen.append(f"{protocol}: {said}")
    if not spoken:
        raise TargetError(
            "no-control",
            "A good token opens no tool of the target:\n  " + "\n  ".join(seen),
            "Check `tokens` and `tool` in the target file: issuer, audience, scope, "
            "and the tool's name and arguments.",
        )
    return replace(world.views[source], protocols=frozenset(spoken))


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


async def _try(
    world: ToolWorld, source: str, protocol: str
) -> tuple[ToolView | None, str]:
    """Connect, list and call in one form; return the view that worked."""
    variant = {"token": source, "protocol": protocol}
    state = await make_state(world, f"probe/{protocol}", None, variant)
    try:
        for verb in (connect, list_tools):
            end = await verb(state, Step(Verb.LIST))
            if end.outcome is not Outcome.COMPLETED:
                return None, state.redactor.text(end.detail)
        view, said = await _first_that_works(state)
        return view, state.redactor.text(said)
    except (HttpError, OSError, TimeoutError) as error:
        return None, f"{type(error).__name__} {error}"
    finally:
        await finish(state)


async def _first_that_works(state: ToolState) -> tuple[ToolView | None, str]:
    view, said = state.view, "the target lists no tools"
    tools = [view.tool] if view.tool.name else _listed(state)
    for tool in tools:
        state.view = replace(view, tool=tool)
        end: StepEnd = await call(state, Step(Verb.CALL))
        if end.outcome is Outcome.COMPLETED:
            sessions = view.sessions or bool(state.caller("client").session)
            return replace(state.view, sessions=sessions), end.detail
        said = f"{tool.name}: {end.detail}"
    return None, said


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
