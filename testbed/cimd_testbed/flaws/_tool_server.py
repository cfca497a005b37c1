"""Flaws of the tool server."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import tolerate
from cimd_testbed.flaws._flaw import tool_server as flaw
from cimd_testbed.reference import token_signature


@flaw(
    "tool-any-issuer",
    "token_issuer",
    "Tokens of any issuer are accepted.",
)
def _tool_any_issuer(claims: JsonObject, issuer: str) -> Decision:
    return tolerate(core.token_issuer(claims, issuer))


@flaw(
    "tool-any-audience",
    "token_audience",
    "Tokens for other resources are accepted.",
)
def _tool_any_audience(claims: JsonObject, resource: str) -> Decision:
    return tolerate(core.token_for_resource(claims, resource))


@flaw(
    "tool-token-never-expires",
    "token_time",
    "Expired tokens are accepted.",
)
def _tool_token_never_expires(claims: JsonObject, now: float) -> Decision:
    return tolerate(core.token_time(claims, now))


@flaw(
    "tool-any-token-type",
    "token_typ",
    "Any kind of JWT is accepted as an access token.",
)
def _tool_any_token_type(header: JsonObject) -> Decision:
    return tolerate(core.token_typ(header))


@flaw(
    "tool-signature-unchecked",
    "token_signature",
    "The signature of a token is not verified.",
)
def _tool_signature_unchecked(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    return tolerate(token_signature(token, key, allowed))


@flaw(
    "tool-scope-ignored",
    "token_scope",
    "Tokens without the scope are accepted.",
)
def _tool_scope_ignored(claims: JsonObject, required: tuple[str, ...]) -> Decision:
    return tolerate(core.token_scope(claims, required))


@flaw(
    "tool-any-metadata-issuer",
    "metadata_issuer",
    "Metadata of another issuer is believed.",
)
def _tool_any_metadata_issuer(metadata: JsonObject, expected: str) -> Decision:
    return tolerate(core.metadata_issuer(metadata, expected))
