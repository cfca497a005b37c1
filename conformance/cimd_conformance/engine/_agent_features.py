"""What a client can do, and which instances that makes applicable."""

from __future__ import annotations

from cimd_conformance.catalogue import Instance
from cimd_conformance.flows.agent_host import AgentView
from cimd_conformance.model import Message, Scenario

SEEN = "a browser that we see"
"""A client has it when it opens URLs through us: then we know what is opened, whether a
shell was in between, and what the browser gets at the redirect URI."""
_OPENED = ("dangerous", "executed")


def missing_feature(view: AgentView, instance: Instance) -> str | None:
    """Return a feature that the instance needs and the target does not have."""
    wanted = set(instance.scenario.features)
    if instance.variant.get("auth") == "private_key_jwt":
        wanted.add("private_key_jwt")
    if instance.scenario.flow in ("refresh", "step-up", "hosted-document"):
        wanted.add(instance.scenario.flow)
    if _looks_at_the_browser(instance.scenario):
        wanted.add(SEEN)
    protocol = instance.variant.get("protocol")
    if protocol is not None and protocol not in view.protocols:
        return f"MCP {protocol}"
    return next(iter(sorted(wanted - view.features)), None)


def _looks_at_the_browser(scenario: Scenario) -> bool:
    """Whether a verdict rests on what becomes of the browser."""
    changed = any(change.in_ is Message.REDIRECT for change in scenario.change)
    return changed or any(
        expect.in_ is Message.CALLBACK_PAGE
        or (expect.in_ is Message.TRAFFIC and set(expect.at) & set(_OPENED))
        for expect in scenario.expect
    )
