"""Flaws of the agent host: what it puts into its requests."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision
from cimd_testbed.flaws._flaw import agent_host as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw("agent-plain-pkce", "code_challenge", "The challenge is the verifier itself.")
def _plain_pkce(verifier: str) -> tuple[str, str]:
    return verifier, "plain"


@flaw("agent-constant-verifier", "code_verifier", "The verifier is always the same.")
def _constant_verifier(chance: str) -> str:
    del chance
    return "v" * 43


@flaw("agent-constant-state", "state", "The state is always the same.")
def _constant_state(chance: str) -> str:
    del chance
    return "state"


@flaw("agent-no-state", "state", "The authorization request has no state.")
def _no_state(chance: str) -> str:
    del chance
    return ""


@flaw(
    "agent-token-when-asked",
    "token_unasked",
    "A request has the token only after the server asked for one.",
)
def _token_when_asked(challenged: bool) -> bool:
    return challenged


@flaw("agent-token-in-url", "call_url", "The token is also in the URL of a call.")
def _token_in_url(url: str, token: str) -> str:
    return f"{url}?access_token={token}"


@flaw(
    "agent-no-resource-in-request",
    "authorization_resource",
    "The authorization request names no resource.",
)
def _no_resource_in_request(resource: str) -> str | None:
    del resource
    return None


@flaw(
    "agent-no-resource-for-token",
    "token_resource",
    "Token requests name no resource.",
)
def _no_resource_for_token(resource: str) -> str | None:
    del resource
    return None


@flaw(
    "agent-resource-origin",
    "requested_resource",
    "The resource is named by its origin alone.",
)
def _resource_origin(server_url: str) -> str:
    return core.split_url(server_url).origin


@flaw(
    "agent-every-scope",
    "initial_scope",
    "Every supported scope is asked for, whatever the challenge says.",
)
def _every_scope(
    challenged: tuple[str, ...], supported: tuple[str, ...]
) -> tuple[str, ...]:
    return supported or challenged


@flaw(
    "agent-no-default-scope",
    "initial_scope",
    "Without a scope in the challenge none is asked for.",
)
def _no_default_scope(
    challenged: tuple[str, ...], supported: tuple[str, ...]
) -> tuple[str, ...]:
    del supported
    return challenged


@flaw(
    "agent-scope-replaced",
    "step_up_scope",
    "A step-up asks for the new scope alone.",
)
def _scope_replaced(
    requested: tuple[str, ...], challenged: tuple[str, ...]
) -> tuple[str, ...]:
    del requested
    return challenged


@flaw("agent-step-up-ignored", "step_up_wanted", "A 403 is final.")
def _step_up_ignored(error: str | None) -> bool:
    del error
    return False


@flaw(
    "agent-endless-step-up",
    "step_up_allowed",
    "A server may ask for more scope very often.",
)
def _endless_step_up(attempts: int) -> Decision:
    decision = core.step_up_allowed(attempts)
    return tolerate(decision) if attempts < 12 else decision


@flaw(
    "agent-assertion-for-endpoint",
    "assertion_audience",
    "Assertions are addressed to the token endpoint.",
)
def _assertion_for_endpoint(issuer: str, token_endpoint: str) -> str:
    del issuer
    return token_endpoint


@flaw("agent-assertion-untyped", "assertion_type", "Assertions have no typ.")
def _assertion_untyped() -> str | None:
    return None


@flaw("agent-constant-jti", "assertion_id", "Every assertion has the same jti.")
def _constant_jti(chance: str) -> str:
    del chance
    return "jti"
