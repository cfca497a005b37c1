"""What a client puts into its requests: PKCE, state, scope, resource, assertion."""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._pkce import s256_challenge
from cimd_testbed.core._resources import canonical_resource

STEP_UPS = 3
"""How often one operation may ask for more scope (MCP: "no more than a few times")."""


def opener(url: str) -> tuple[str, ...]:
    """Return the command that opens a URL: the program and one argument, no shell.

    MCP security best practices: a URL is data that a stranger wrote.
    """
    return ("xdg-open", url)


def identity_path(name: str, chance: str) -> str:
    """Lay a client's document at a short path that never changes (CIMD-03 section 3).

    The same client is then the same `client_id`, next time and next year.
    """
    del chance
    return f"/clients/{name}" if name else ""


def new_code_verifier(chance: str) -> str:
    """Return a verifier of 43 unreserved characters, fresh for each request.

    RFC 7636 section 4.1; `chance` is 32 random bytes in base64url.
    """
    return chance


def new_code_challenge(verifier: str) -> tuple[str, str]:
    """Return challenge and method: always S256 (client-pkce)."""
    return s256_challenge(verifier), "S256"


def new_state(chance: str) -> str:
    """Return a state that nobody can guess (client-state)."""
    return chance


def requested_resource(server_url: str) -> str:
    """Return the server's canonical URI (MCP "Resource Parameter Implementation")."""
    return canonical_resource(server_url.partition("#")[0])


def authorization_resource(resource: str) -> str | None:
    """Send the resource in the authorization request (client-resource-param)."""
    return resource


def token_resource(resource: str) -> str | None:
    """Send the resource in token and refresh requests (client-resource-param)."""
    return resource


def initial_scope(
    challenged: tuple[str, ...], supported: tuple[str, ...]
) -> tuple[str, ...]:
    """Ask for what the challenge names, else for what is supported, else for none.

    MCP "Scope Selection Strategy".
    """
    return challenged or supported


def step_up_scope(
    requested: tuple[str, ...], challenged: tuple[str, ...]
) -> tuple[str, ...]:
    """Ask for what was asked before and what is challenged now (client-scope-union)."""
    return tuple(dict.fromkeys((*requested, *challenged)))


def step_up_allowed(attempts: int) -> Decision:
    """Stop after a few attempts for the same operation (client-step-up-limit)."""
    clause = "client-step-up-limit"
    if attempts >= STEP_UPS:
        return refuse(clause, "The server keeps asking for more scope.")
    return accept(clause)


def step_up_wanted(error: str | None) -> bool:
    """Whether a 403 asks for more scope (client-step-up)."""
    return error == "insufficient_scope"


def assertion_audience_of(issuer: str, token_endpoint: str) -> str:
    """Address an assertion to the issuer alone (rfc7523bis)."""
    del token_endpoint
    return issuer


def assertion_type_of() -> str | None:
    """Say what kind of JWT it is (CIMD-03 section 6; the value is rfc7523bis's)."""
    return "client-authentication+jwt"


def assertion_id(chance: str) -> str:
    """Return a `jti` that is used once (RFC 7523 section 3 item 7)."""
    return chance
