"""A tool server that takes good tokens: which tool is called, and who shows it."""

from __future__ import annotations

import itertools
import json

from cimd_conformance.flows.tool_server import ToolCall, ToolWorld, list_calls
from cimd_conformance.init._bench import Bench
from cimd_conformance.init._draft import Draft, Shape
from cimd_conformance.target import Called

PAIRS = 16
NO_EFFECT = (
    "Is there a tool that shows what the other one did? With it, a call that was "
    "refused and carried out all the same is noticed."
)


async def describe_tool(draft: Draft, bench: Bench) -> Draft:
    """Write down which tool is called; two where one shows what the other did.

    Raises `TargetError` when the target does not come up.
    """
    world = (await bench.start(draft.file)).world
    assert isinstance(world, ToolWorld), "the role is tool-server"
    source, view = next(iter(world.views.items()))
    found = draft.put("tool", call=_called(view.tool))
    found = found.say("tool.call", "It answers to these arguments.")
    shape = Shape("tool-call", (("protocol", max(view.protocols)),))
    for call, effect in _pairs(await list_calls(world, source)):
        both = draft.put("tool", call=_called(call), effect=_called(effect))
        if (await bench.trial(both.file, shape)).done:
            text = f"What {call.name} was given shows in the result of {effect.name}."
            return both.say("tool.effect", text)
    return found.say("tool.effect", NO_EFFECT, example='effect = { name = "read" }')


def _pairs(calls: list[ToolCall]) -> list[tuple[ToolCall, ToolCall]]:
    """Return the tools that take a marker, each with those that take nothing."""
    takes = [call for call in calls if "{marker}" in json.dumps(call.arguments)]
    shows = [call for call in calls if not call.arguments]
    return list(itertools.islice(itertools.product(takes, shows), PAIRS))


def _called(call: ToolCall) -> Called:
    return Called(call.name, dict(call.arguments))
