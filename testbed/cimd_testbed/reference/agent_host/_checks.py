"""Every defence of the agent host, each a named pure function.

The host asks these fields and nothing else, so that a flaw is one
`dataclasses.replace` and a recording is one wrapper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cimd_testbed import core
from cimd_testbed.core import Decision, IPAddress, JsonObject, NextRequest, TlsProblem

_Text = str | None
_Strings = tuple[str, ...]
_Addresses = tuple[IPAddress, ...]
_Headers = tuple[tuple[str, str], ...]
_Params = tuple[tuple[str, str], ...]
_Objects = tuple[JsonObject, ...]


@dataclass(frozen=True)
class AgentHostChecks:
    """The honest agent host's answers."""

    # Discovery
    challenge: Callable[[_Strings], JsonObject | None] = core.bearer_challenge
    resource_metadata_urls: Callable[[str, _Text], _Strings] = (
        core.resource_metadata_urls
    )
    resource_identity: Callable[[JsonObject, str, str], Decision] = (
        core.resource_identity
    )
    issuer_without_metadata: Callable[[str], _Text] = core.issuer_without_metadata
    chosen_issuers: Callable[[JsonObject, str], _Strings] = core.chosen_issuers
    server_metadata_urls: Callable[[str], _Strings] = core.server_metadata_urls
    server_metadata_issuer: Callable[[JsonObject, str], Decision] = (
        core.server_metadata_issuer
    )
    discovery_url: Callable[[str], Decision] = core.discovery_url
    discovery_addresses: Callable[[str, _Addresses], Decision] = (
        core.discovery_addresses
    )
    metadata_redirect: Callable[[str, int, _Text], _Text] = core.metadata_redirect
    tls_problem: Callable[[TlsProblem], Decision] = core.server_tls
    discovered_anew: Callable[[bool], bool] = core.discovered_anew
    pkce_support: Callable[[JsonObject], Decision] = core.pkce_support

    # How it is known
    client_id_source: Callable[[bool, JsonObject], _Text] = core.client_id_source
    registration_shelf: Callable[[str], str] = core.registration_shelf
    registered_members: Callable[[JsonObject], JsonObject] = core.registered_members
    registration_again: Callable[[int], bool] = core.registration_again
    identity_path: Callable[[str, str], str] = core.identity_path

    # The authorization request
    authorization_url: Callable[[str], Decision] = core.authorization_url
    opener: Callable[[str], _Strings] = core.opener
    code_verifier: Callable[[str], str] = core.new_code_verifier
    code_challenge: Callable[[str], tuple[str, str]] = core.new_code_challenge
    state: Callable[[str], str] = core.new_state
    requested_resource: Callable[[str], str] = core.requested_resource
    authorization_resource: Callable[[str], _Text] = core.authorization_resource
    initial_scope: Callable[[_Strings, _Strings], _Strings] = core.initial_scope

    # The authorization response
    callback_place: Callable[[str, str], Decision] = core.callback_place
    callback_onward: Callable[[_Params], _Text] = core.callback_onward
    callback_state: Callable[[str, _Text], Decision] = core.callback_state
    callback_issuer: Callable[[str, bool, _Text], Decision] = core.callback_issuer
    shown_error: Callable[[_Text, bool], str] = core.shown_error

    # Tokens
    token_resource: Callable[[str], _Text] = core.token_resource
    assertion_audience: Callable[[str, str], str] = core.assertion_audience_of
    assertion_type: Callable[[], _Text] = core.assertion_type_of
    assertion_id: Callable[[str], str] = core.assertion_id
    refresh_allowed: Callable[[str, str], Decision] = core.refresh_allowed
    newest_refresh_token: Callable[[_Text, _Text], _Text] = core.newest_refresh_token

    # Calls
    token_shelf: Callable[[str], str] = core.token_shelf
    token_unasked: Callable[[bool], bool] = core.token_unasked
    call_url: Callable[[str, str], str] = core.call_url
    resource_redirect: Callable[[str, int, _Text], NextRequest | None] = (
        core.resource_redirect
    )
    step_up_wanted: Callable[[_Text], bool] = core.step_up_wanted
    step_up_scope: Callable[[_Strings, _Strings], _Strings] = core.step_up_scope
    step_up_allowed: Callable[[int], Decision] = core.step_up_allowed

    # What it publishes about itself
    document: Callable[[JsonObject], JsonObject] = core.published_document
    document_location: Callable[[str], _Text] = core.document_location
    publishing_headers: Callable[[], _Headers] = core.publishing_headers
    keys: Callable[[_Objects], _Objects] = core.published_keys
    keys_published: Callable[[int, int], int] = core.keys_published
