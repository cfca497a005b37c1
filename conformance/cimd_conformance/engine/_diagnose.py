"""From a legitimate flow that failed to its cause: the rules of each role, in order."""

from __future__ import annotations

from cimd_conformance.engine._diagnose_agent import AgentCase, agent
from cimd_conformance.engine._diagnose_authorize import AsCase, authorize, refused
from cimd_conformance.engine._diagnose_reach import reach
from cimd_conformance.engine._diagnose_tokens import (
    introspect,
    not_announced,
    redeem,
    refresh,
    use,
)
from cimd_conformance.engine._diagnose_tool import ToolCase, tool
from cimd_conformance.engine._diagnosis import Diagnosis
from cimd_conformance.model import Verb

_BY_VERB = {
    Verb.AUTHORIZE: authorize,
    Verb.REDEEM: redeem,
    Verb.REFRESH: refresh,
    Verb.USE: use,
    Verb.REVOKE: introspect,
    Verb.INTROSPECT: introspect,
}


def diagnose_authorization_server(case: AsCase) -> Diagnosis:
    """Return the likeliest cause of a control that did not complete."""
    rules = _BY_VERB.get(case.end.verb)
    return (
        not_announced(case)
        or reach(case)
        or (rules(case) if rules else None)
        or refused(case)
    )


def diagnose_tool_server(case: ToolCase) -> Diagnosis:
    """Return the likeliest cause of a control that did not complete."""
    return reach(case) or tool(case)


def diagnose_agent_host(case: AgentCase) -> Diagnosis:
    """Return the likeliest cause of a control that did not complete."""
    return reach(case) or agent(case)
