"""What a protected resource says and does around its tokens (RFC 9728, RFC 6750)."""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._json import JsonObject

_STATUS = {
    "invalid_request": 400,
    "invalid_token": 401,
    "insufficient_scope": 403,
}


def open_to_all(operation: str) -> bool:
    """Whether an operation without a token is let through: none (MCP, Token Usage).

    `operation` is a JSON-RPC method, or the HTTP method of a request without a body.
    """
    del operation
    return False


def processed_when_refused(status: int) -> bool:
    """Whether a refused request has an effect all the same: never (MCP)."""
    del status
    return False


def error_status(error: str) -> int:
    """Return the HTTP status of an error code; "" is a request without a token.

    RFC 6750 section 3.1.
    """
    return _STATUS.get(error, 401)


def challenge_scope(
    required: tuple[str, ...], granted: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the scopes that a challenge names: all that are needed, at once.

    MCP 2026-07-28, Scope Challenge Handling. What the client already has is its own
    affair.
    """
    del granted
    return required


def challenge_error(error: str) -> str | None:
    """Return the error code of a challenge; none without a token (RFC 6750 3)."""
    return error or None


def challenge_metadata(url: str, host: str, forwarded: str) -> str | None:
    """Return where a challenge says that the metadata is, whatever Host was sent."""
    del host, forwarded
    return url


def challenge_text(parameters: tuple[tuple[str, str], ...]) -> str:
    """Return the challenge of a refusal (RFC 9110 section 11.6.1, RFC 6750 section 3).

    The values are quoted: URLs and lists of scopes are no tokens.
    """
    shown = [f'{name}="{value}"' for name, value in parameters]
    return f"Bearer {', '.join(shown)}"


def resource_metadata(metadata: JsonObject, host: str, forwarded: str) -> JsonObject:
    """Return what the resource says about itself, whatever `Host` was sent.

    RFC 9728 section 7.3: a client that is led to another resource or another issuer
    sends its token there.
    """
    del host, forwarded
    return metadata


def metadata_published(place: str) -> bool:
    """Whether the metadata is at a well-known place, `path` or `root`: at both."""
    del place
    return True


def upstream_credential(presented: str, own: str) -> str:
    """Turn to an upstream API with a credential of this server's own.

    MCP "Access Token Privilege Restriction": the client's token goes nowhere else.
    """
    del presented
    return own


def request_origin(origin: str | None, own: str) -> Decision:
    """Check that a browser sends this from a page of the server's own.

    MCP, Streamable HTTP: whoever rebinds a name to this server otherwise makes a
    visitor's browser talk to it.
    """
    clause = "mcp-rs-origin-check"
    if origin is not None and origin != own:
        return refuse(clause, "The request comes from a page of another origin.")
    return accept(clause)
