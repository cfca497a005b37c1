"""What a client can do, and which instances that makes applicable."""

from __future__ import annotations

from cimd_conformance.catalogue import Instance
from cimd_conformance.flows.agent_host import AgentView


def missing_feature(view: AgentView, instance: Instance) -> str | None:
    """Return a feature that the instance needs and the target does not have."""
    wanted = set(instance.scenario.features)
    if instance.variant.get("auth") == "private_key_jwt":
        wanted.add("private_key_jwt")
    if instance.scenario.flow in ("refresh", "step-up", "hosted-document"):
        wanted.add(instance.scenario.flow)
    protocol = instance.variant.get("protocol")
    if protocol is not None and protocol not in view.protocols:
        return f"MCP {protocol}"
    return next(iter(sorted(wanted - view.features)), None)
