"""The flows of an authorization server under test."""

from cimd_conformance.flows.authorization_server._page import visible_text
from cimd_conformance.flows.authorization_server._run import run_flow
from cimd_conformance.flows.authorization_server._verbs import FLOWS, VERBS
from cimd_conformance.flows.authorization_server._world import AsWorld, TargetView

__all__ = ["FLOWS", "VERBS", "AsWorld", "TargetView", "run_flow", "visible_text"]
