"""A tool server whose good token works: which tool was called, and who shows it."""

from __future__ import annotations

from cimd_conformance.flows.tool_server import ToolWorld
from cimd_conformance.init._bench import Bench
from cimd_conformance.init._draft import Draft
from cimd_conformance.target import Called


async def describe_tool(draft: Draft, bench: Bench) -> Draft:
    """Write down the tool that the probe has picked, and how else it can be done."""
    world = (await bench.start(draft.file)).world
    assert isinstance(world, ToolWorld), "the role is tool-server"
    view = world.view({})
    if view.tool.name and draft.file.tool.call is None:
        call = Called(view.tool.name, dict(view.tool.arguments))
        draft = draft.put("tool", call=call)
        draft = draft.say("tool.call", "It answers to these arguments.")
    if draft.file.tool.effect is None:
        text = (
            "Is there a tool that shows what the other one did? With it, a call that "
            "was refused and carried out all the same is noticed."
        )
        draft = draft.say("tool.effect", text, example='effect = { name = "read" }')
    return draft
