"""Every defence of the tool server, each a named pure function.

The server asks these fields and nothing else whenever something could go wrong. A flaw
is `dataclasses.replace(checks, one_field=weaker_function)`. Fields take immutable
arguments, by position, and keep no state; what the server remembers is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.reference._jose import token_signature

_Keys = tuple[JsonObject, ...]
_Strings = tuple[str, ...]
_Broader = tuple[tuple[str, _Strings], ...]
_Text = str | None


@dataclass(frozen=True)
class ToolServerChecks:
    """The honest tool server's answers; see the functions in `cimd_testbed.core`."""

    # Where the token is
    bearer_token: Callable[[_Strings], _Text] = core.bearer_token
    malformed_credentials: Callable[[_Strings], Decision] = core.malformed_credentials
    query_token: Callable[[tuple[tuple[str, str], ...]], _Text] = core.query_token
    open_to_all: Callable[[str], bool] = core.open_to_all
    session_authenticates: Callable[[bool, bool], bool] = core.session_authenticates
    processed_when_refused: Callable[[int], bool] = core.processed_when_refused

    # Is it good here? By its signature
    unreadable_token: Callable[[str], JsonObject | None] = core.unreadable_token
    verified_before: Callable[[str, _Strings], bool] = core.verified_before
    token_key_url: Callable[[JsonObject, JsonObject], _Text] = core.token_key_url
    token_critical: Callable[[JsonObject], Decision] = core.token_critical
    token_typ: Callable[[JsonObject], Decision] = core.token_typ
    token_key: Callable[[JsonObject, _Keys], _Keys] = core.token_key
    token_signature: Callable[[str, JsonObject, _Strings], Decision] = token_signature
    metadata_issuer: Callable[[JsonObject, str], Decision] = core.metadata_issuer
    keys_still_fresh: Callable[[float, float, float], bool] = core.still_fresh
    keys_that_count: Callable[[_Keys, _Keys], _Keys] = core.keys_that_count
    unknown_kid_refetch: Callable[[float, float, float], bool] = (
        core.unknown_kid_refetch
    )

    # Is it good here? By asking its issuer
    introspection_active: Callable[[JsonObject], Decision] = core.introspection_active
    introspection_still_fresh: Callable[[float, float, float | None, float], bool] = (
        core.introspection_still_fresh
    )
    introspection_after_failure: Callable[[str, float], bool] = (
        core.introspection_after_failure
    )

    # What it says
    token_issuer: Callable[[JsonObject, str], Decision] = core.token_issuer
    token_audience: Callable[[JsonObject, str], Decision] = core.token_for_resource
    token_expiry: Callable[[JsonObject, float], Decision] = core.token_expiry
    token_not_before: Callable[[JsonObject, float], Decision] = core.token_not_before
    token_claims: Callable[[JsonObject], Decision] = core.token_claims
    implied_scope: Callable[[_Strings, _Broader], _Strings] = core.implied_scope
    token_scope: Callable[[JsonObject, _Strings], Decision] = core.token_scope

    # What a refusal says
    error_status: Callable[[str], int] = core.error_status
    challenge_error: Callable[[str], _Text] = core.challenge_error
    challenge_scope: Callable[[_Strings, _Strings], _Strings] = core.challenge_scope
    challenge_metadata: Callable[[str, str, str], _Text] = core.challenge_metadata
    challenge_text: Callable[[tuple[tuple[str, str], ...]], str] = core.challenge_text

    # The metadata
    metadata_published: Callable[[str], bool] = core.metadata_published
    resource_metadata: Callable[[JsonObject, str, str], JsonObject] = (
        core.resource_metadata
    )

    # What goes on to others
    upstream_credential: Callable[[str, str], str] = core.upstream_credential

    # The transport
    request_origin: Callable[[_Text, str], Decision] = core.request_origin
    version_header: Callable[[_Text, _Text], Decision] = core.version_header
    method_header: Callable[[_Text, _Text], Decision] = core.method_header
    name_header: Callable[[_Text, _Text], Decision] = core.name_header
    request_members: Callable[[JsonObject], Decision] = core.request_members
    protocol_version: Callable[[_Text], Decision] = core.protocol_version
    answer_key: Callable[[str, str], str] = core.answer_key
    session_id: Callable[[bytes], str] = core.secret_value
    session_owner: Callable[[JsonObject], str] = core.session_owner
    session_belongs: Callable[[str, str], Decision] = core.session_belongs
