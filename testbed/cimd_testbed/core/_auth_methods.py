"""How a client authenticates: declared, presented, never downgraded.

CIMD-03 Section 6.
"""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._json import JsonObject

SINGULAR = "token_endpoint_auth_method"
PLURAL = "token_endpoint_auth_methods_supported"


def document_auth_methods(document: JsonObject) -> Decision:
    """Where both members exist the plural contains the singular (CIMD-03 section 6)."""
    clause = "cimd-auth-singular-in-plural"
    if PLURAL in document and not document.texts(PLURAL):
        return refuse(clause, "The list of authentication methods is empty.")
    if (
        SINGULAR in document
        and PLURAL in document
        and document.text(SINGULAR) not in document.texts(PLURAL)
    ):
        return refuse(clause, "The authentication methods contradict each other.")
    return accept(clause)


def auth_methods(document: JsonObject, supported: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods that both sides know (CIMD-03 section 6).

    Both members absent means `none`; RFC 7591's default is disregarded. A plural
    member alone is not `none`, and its unknown entries are tolerated.
    """
    if PLURAL in document:
        declared = document.texts(PLURAL)
    elif SINGULAR in document:
        declared = (document.text(SINGULAR) or "",)
    else:
        declared = ("none",)
    return tuple(method for method in declared if method in supported)


def auth_method_in_common(methods: tuple[str, ...]) -> Decision:
    """Abort when no declared method is supported (CIMD-03 section 6)."""
    clause = "cimd-auth-no-common-method"
    if not methods:
        return refuse(clause, "No authentication method of the client is supported.")
    return accept(clause)


def single_auth_method(presented: tuple[str, ...]) -> Decision:
    """Check that a request authenticates in one way at most.

    OAuth 2.1-13 section 2.4.
    """
    clause = "pkjwt-single-method"
    if len(presented) > 1:
        return refuse(clause, "The request authenticates in more than one way.")
    return accept(clause)


def client_auth_method(presented: str, allowed: tuple[str, ...]) -> Decision:
    """Check that what was declared is enforced (CIMD-03 sections 6 and 9.2)."""
    if presented in allowed:
        return accept("cimd-auth-private-key-jwt-required")
    if presented == "none":
        return refuse(
            "cimd-auth-private-key-jwt-required", "The client has to authenticate."
        )
    if presented.startswith("client_secret"):
        return refuse(
            "cimd-auth-secret-presented", "This client has no secret to present."
        )
    return refuse(
        "cimd-auth-no-silent-downgrade", "The client did not declare this method."
    )


def grant_auth_method(issued_with: str, presented: str) -> Decision:
    """Check that a grant issued to an authenticated client keeps asking.

    CIMD-03 section 9.4.
    """
    clause = "cimd-change-auth-method"
    if issued_with != "none" and presented == "none":
        return refuse(clause, "The grant was issued to an authenticated client.")
    if issued_with != presented:
        return free(clause, "The client now authenticates.")
    return accept(clause)
