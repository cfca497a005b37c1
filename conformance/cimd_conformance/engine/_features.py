"""What a target announces, and which instances that makes applicable."""

from __future__ import annotations

from typing import Any

from cimd_conformance.catalogue import Instance
from cimd_conformance.flows.authorization_server import TargetView


def _list(metadata: dict[str, Any], name: str) -> list[Any]:
    value = metadata.get(name)
    return value if isinstance(value, list) else []


def announced(target: TargetView) -> set[str]:
    """Return the optional features that the metadata announces."""
    metadata = target.metadata
    found = {"logo"}
    methods = _list(metadata, "token_endpoint_auth_methods_supported")
    if "private_key_jwt" in methods:
        found.add("private_key_jwt")
    grants = _list(metadata, "grant_types_supported")
    if "refresh_token" in grants:
        found.add("refresh")
    if target.endpoint("revocation_endpoint"):
        found.add("revocation")
    if target.endpoint("introspection_endpoint") and target.introspection[0]:
        found.add("introspection")
    if target.provider:
        found.add("upstream-login")
    if metadata.get("authorization_response_iss_parameter_supported") is True:
        found.add("iss")
    return found


_FLOWS = ("refresh", "revocation", "introspection", "upstream-login")
"""Flows that are features of the same name."""


def missing_feature(target: TargetView, instance: Instance) -> str | None:
    """Return a feature that the instance needs and the target does not announce."""
    wanted = set(instance.scenario.features)
    if instance.variant.get("auth") == "private_key_jwt":
        wanted.add("private_key_jwt")
    if instance.scenario.flow in _FLOWS:
        wanted.add(instance.scenario.flow)
    inline = "keys" in instance.scenario.variants and instance.variant["keys"] == "jwks"
    if inline and "jwks-uri-only" in target.accommodations:
        return "keys inside the document"
    algs = _list(target.metadata, "token_endpoint_auth_signing_alg_values_supported")
    alg = instance.variant.get("alg")
    if alg is not None and algs and alg not in algs:
        return f"the signing algorithm {alg}"
    return next(iter(sorted(wanted - announced(target))), None)
