"""The authorization request and where its answer may go (RFC 6749 section 4.1)."""

from __future__ import annotations

from urllib.parse import urlencode

from cimd_testbed.core._decision import Decision, accept, refuse

MAY_REPEAT = frozenset({"resource"})


def repeated_parameters(names: tuple[str, ...]) -> Decision:
    """Parameters occur once, but for `resource` (RFC 6749 section 3.1, RFC 8707)."""
    clause = "code-duplicate-parameters"
    counted = [name for name in names if name not in MAY_REPEAT]
    if len(set(counted)) != len(counted):
        return refuse(clause, "A parameter is repeated.")
    return accept(clause)


def response_type(value: str | None) -> Decision:
    """Only `code` (OAuth 2.1-13 section 4.1.1)."""
    clause = "code-response-type"
    if value != "code":
        return refuse(clause, "The response_type has to be code.")
    return accept(clause)


def response_mode(value: str | None) -> Decision:
    """Codes go back in the query, as response_type code has it."""
    clause = "code-response-type"
    if value not in (None, "query"):
        return refuse(clause, "The response_mode is not supported.")
    return accept(clause)


def error_redirect(
    client_valid: bool, redirect_uri_valid: bool, requested: str | None
) -> str | None:
    """Return where to send an error: nowhere before both are valid.

    RFC 6749 section 4.1.2.1.

    To a client without a usable document nothing is sent, wherever it points.
    """
    return requested if client_valid and redirect_uri_valid else None


def response_issuer(issuer: str, is_error: bool) -> str | None:
    """Return the `iss` of a response, errors included (RFC 9207 section 2)."""
    del is_error
    return issuer


def response_state(state: str | None) -> str | None:
    """Return the `state` of a response: the request's, unchanged.

    RFC 6749 section 4.1.2.
    """
    return state


def response_location(
    redirect_uri: str, parameters: tuple[tuple[str, str], ...]
) -> str:
    """Add the parameters; what the redirect URI had stays.

    OAuth 2.1-13 section 2.3.
    """
    joint = "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{joint}{urlencode(parameters)}"


def redirect_status(method: str) -> int:
    """Return a status that drops a posted body, never 307 (RFC 9700 section 4.12)."""
    return 303 if method == "POST" else 302
