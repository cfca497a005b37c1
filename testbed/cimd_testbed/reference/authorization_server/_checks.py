"""Every defence of the authorization server, each a named pure function.

The server asks these fields and nothing else whenever something could go wrong. A flaw
is `dataclasses.replace(checks, one_field=weaker_function)`. Fields take immutable
arguments, by position, and keep no state; what the server remembers is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cimd_testbed import core
from cimd_testbed.core import (
    CacheBounds,
    ConsentHosts,
    Decision,
    FetchProblem,
    IPAddress,
    JsonObject,
    Onward,
    TlsProblem,
)
from cimd_testbed.reference._jose import assertion_signature

_Headers = tuple[tuple[str, str], ...]
_Addresses = tuple[IPAddress, ...]
_Keys = tuple[JsonObject, ...]
_Strings = tuple[str, ...]
_Text = str | None


@dataclass(frozen=True)
class Checks:
    """The honest server's answers; see the functions in `cimd_testbed.core`."""

    # Which URL is a client_id, and what is fetched for whom
    client_id_url: Callable[[str], Decision] = core.client_id_url
    fetch_for_visitor: Callable[[bool], bool] = core.fetch_for_visitor
    destination: Callable[[str], core.Destination | Decision] = core.destination
    fetch_url: Callable[[str], Decision] = core.fetch_url
    also_fetched: Callable[[str, str, str], Onward | None] = core.also_fetched
    addresses: Callable[[str, _Addresses], Decision] = core.public_addresses
    token_addresses: Callable[[str, _Addresses], Decision] = core.public_addresses
    jwks_addresses: Callable[[str, _Addresses], Decision] = core.public_addresses
    logo_addresses: Callable[[str, _Addresses], Decision] = core.public_addresses
    judged_anew: Callable[[int], bool] = core.judged_anew
    judged_before_dialling: Callable[[str], bool] = core.judged_before_dialling
    addresses_to_dial: Callable[[str, _Addresses], _Addresses | str] = (
        core.addresses_to_dial
    )
    connection_key: Callable[[str, str, int], _Text] = core.connection_key
    environment_proxy: Callable[[_Text], _Text] = core.environment_proxy
    tls_problem: Callable[[TlsProblem], Decision] = core.tls_problem
    fetch_problem: Callable[[FetchProblem], Decision] = core.fetch_problem
    follow_redirect: Callable[[str, int, _Text], Onward | None] = core.follow_redirect
    other_redirect: Callable[[_Headers, bytes], _Text] = core.other_redirect
    fetch_status: Callable[[int], Decision] = core.fetch_status
    content_type: Callable[[_Text], Decision] = core.content_type
    fetch_headers: Callable[[str], _Headers] = core.fetch_headers
    fetch_cookie: Callable[[_Text], _Text] = core.fetch_cookie
    read_complete: Callable[[bool, int], Decision] = core.read_complete
    decoded_body: Callable[[_Text, bytes], bytes | Decision] = core.decoded_body
    join_fetch: Callable[[str], bool] = core.join_fetch
    host_brake: Callable[[int, int], Decision] = core.host_brake
    failure_text: Callable[[str, bytes], str] = core.failure_text
    failure_status: Callable[[str], int] = core.failure_status
    failure_at_token: Callable[[str], str] = core.failure_at_token

    # The client metadata document
    document_json: Callable[[bytes], JsonObject | Decision] = core.document_json
    document_client_id: Callable[[JsonObject, str, str], Decision] = (
        core.document_client_id
    )
    document_client_secret: Callable[[JsonObject], Decision] = (
        core.document_client_secret
    )
    document_symmetric_method: Callable[[JsonObject], Decision] = (
        core.document_symmetric_method
    )
    document_private_key: Callable[[JsonObject], Decision] = core.document_private_key
    jwks_private_key: Callable[[JsonObject], Decision] = core.jwks_private_key
    document_keys: Callable[[JsonObject], Decision] = core.document_keys
    document_redirect_uris: Callable[[JsonObject], Decision] = (
        core.document_redirect_uris
    )
    document_uris: Callable[[JsonObject], Decision] = core.document_uris
    document_members: Callable[[JsonObject], Decision] = core.document_members
    document_required_members: Callable[[JsonObject], Decision] = (
        core.document_required_members
    )
    document_grants: Callable[[JsonObject], Decision] = core.document_grants
    document_auth_methods: Callable[[JsonObject], Decision] = core.document_auth_methods

    document_stand_in: Callable[[str, _Text, str], JsonObject | None] = (
        core.document_stand_in
    )

    # Caching and change
    cache_key: Callable[[str], str] = core.cache_key
    freshness: Callable[[_Headers, CacheBounds], float] = core.freshness
    still_fresh: Callable[[float, float, float], bool] = core.still_fresh
    failure_lifetime: Callable[[str], float] = core.failure_lifetime
    invalid_document_lifetime: Callable[[str], float] = core.invalid_document_lifetime
    stale_after_failure: Callable[[str, float], bool] = core.stale_after_failure
    document_at_issue: Callable[[JsonObject, JsonObject | None], JsonObject | None] = (
        core.document_at_issue
    )
    jwks_freshness: Callable[[_Headers, CacheBounds], float] = core.freshness
    jwks_still_fresh: Callable[[float, float, float], bool] = core.still_fresh
    unknown_kid_refetch: Callable[[float, float, float], bool] = (
        core.unknown_kid_refetch
    )
    keys_that_count: Callable[[_Keys, _Keys], _Keys] = core.keys_that_count

    # The authorization request
    repeated_parameters: Callable[[_Strings], Decision] = core.repeated_parameters
    redirect_uri_required: Callable[[_Text, _Strings], Decision] = (
        core.redirect_uri_required
    )
    redirect_uri: Callable[[str, _Strings], Decision] = core.redirect_uri_exact
    loopback_port: Callable[[str, _Strings], Decision] = core.redirect_uri_loopback_port
    response_type: Callable[[_Text], Decision] = core.response_type
    response_mode: Callable[[_Text], Decision] = core.response_mode
    pkce_required: Callable[[_Text, bool], Decision] = core.pkce_required
    pkce_challenge: Callable[[_Text], Decision] = core.pkce_challenge
    pkce_method: Callable[[_Text, _Text], Decision] = core.pkce_method
    resource: Callable[[_Strings, _Strings], _Strings | None] = core.known_resources
    scope: Callable[[_Strings, _Strings, _Strings | None], Decision] = core.known_scope
    auth_methods: Callable[[JsonObject, _Strings], _Strings] = core.auth_methods
    auth_method_in_common: Callable[[_Strings], Decision] = core.auth_method_in_common

    # The authorization response
    error_redirect: Callable[[bool, bool, _Text], _Text] = core.error_redirect
    response_issuer: Callable[[str, bool], _Text] = core.response_issuer
    response_state: Callable[[_Text], _Text] = core.response_state
    response_location: Callable[[str, _Headers], str] = core.response_location
    redirect_status: Callable[[str], int] = core.redirect_status
    secret_value: Callable[[bytes], str] = core.secret_value

    # Login and consent
    login_csrf: Callable[[str, _Text], Decision] = core.consent_csrf
    consent_required: Callable[[str, _Strings, JsonObject], bool] = (
        core.consent_required
    )
    consent_text: Callable[[str], str] = core.consent_text
    consent_hosts: Callable[[str, str], ConsentHosts] = core.consent_hosts
    consent_scope: Callable[[_Strings], _Strings] = core.consent_scope
    consent_loopback_warning: Callable[[_Strings], bool] = core.consent_loopback_warning
    consent_logo: Callable[[str, _Text], _Text] = core.consent_logo
    logo_content: Callable[[bytes, bool], Decision] = core.logo_content
    page_headers: Callable[[], _Headers] = core.page_headers
    consent_csrf: Callable[[str, _Text], Decision] = core.consent_csrf
    consent_session: Callable[[str, _Text], Decision] = core.consent_session
    consent_unanswered: Callable[[int], Decision] = core.consent_unanswered
    consent_given: Callable[[_Text], bool] = core.consent_given

    # On to an identity provider and back, where there is one
    provider_state_made: Callable[[bool], bool] = core.provider_state_made
    provider_cookie_name: Callable[[bool], str] = core.provider_cookie_name
    provider_cookie_attributes: Callable[[bool], str] = core.provider_cookie_attributes
    provider_browser: Callable[[str, _Text], Decision] = core.provider_browser
    provider_state_unused: Callable[[int], Decision] = core.provider_state_unused
    provider_state_age: Callable[[float, float, float], Decision] = (
        core.provider_state_age
    )

    # Client authentication
    single_auth_method: Callable[[_Strings], Decision] = core.single_auth_method
    client_auth_method: Callable[[str, _Strings], Decision] = core.client_auth_method
    assertion_type: Callable[[_Text], Decision] = core.assertion_type
    assertion_typ: Callable[[JsonObject], Decision] = core.assertion_typ
    assertion_critical: Callable[[JsonObject], Decision] = core.assertion_critical
    assertion_issuer_subject: Callable[[JsonObject, str], Decision] = (
        core.assertion_issuer_subject
    )
    assertion_audience: Callable[[JsonObject, str, str], Decision] = (
        core.assertion_audience
    )
    assertion_expiry: Callable[[JsonObject, float, float], Decision] = (
        core.assertion_expiry
    )
    assertion_not_before: Callable[[JsonObject, float], Decision] = (
        core.assertion_not_before
    )
    assertion_key: Callable[[JsonObject, _Keys], _Keys] = core.assertion_key
    assertion_key_found: Callable[[int], Decision] = core.assertion_key_found
    assertion_signature: Callable[[str, JsonObject, _Strings], Decision] = (
        assertion_signature
    )
    assertion_jti: Callable[[int], Decision] = core.assertion_jti
    grant_auth_method: Callable[[str, str], Decision] = core.grant_auth_method

    # Codes and tokens
    grant_type: Callable[[str, _Strings], Decision] = core.grant_type_allowed
    code_client: Callable[[str, str], Decision] = core.code_client
    code_redirect_uri: Callable[[_Text, _Text], Decision] = core.code_redirect_uri
    code_expiry: Callable[[float, float, float], Decision] = core.code_expiry
    pkce_verifier: Callable[[_Text, _Text, _Text], Decision] = core.pkce_verifier
    code_unused: Callable[[int], Decision] = core.code_unused
    code_replay_revokes: Callable[[int], bool] = core.code_replay_revokes
    token_resource: Callable[[_Strings, _Strings, _Strings], _Strings | None] = (
        core.narrowed_resources
    )
    token_audience: Callable[[_Strings, _Strings], _Strings] = core.token_audience
    access_token_lifetime: Callable[[float], float] = core.access_token_lifetime
    access_token_claims: Callable[[JsonObject], JsonObject] = core.access_token_claims
    token_headers: Callable[[], _Headers] = core.token_headers
    refresh_token_issued: Callable[[_Strings], bool] = core.refresh_token_issued
    refresh_client: Callable[[str, str], Decision] = core.refresh_client
    refresh_expiry: Callable[[float, float, float], Decision] = core.refresh_expiry
    refresh_scope: Callable[[_Strings, _Strings], Decision] = core.scope_subset
    refresh_resource: Callable[[_Strings, _Strings, _Strings], _Strings | None] = (
        core.narrowed_resources
    )
    refresh_unused: Callable[[int], Decision] = core.refresh_unused
    refresh_replay_revokes: Callable[[int], bool] = core.refresh_replay_revokes
    refresh_rotates: Callable[[bool], bool] = core.refresh_rotates
    grant_alive: Callable[[bool], Decision] = core.grant_alive

    # Revocation, introspection, discovery
    revocation_client: Callable[[str, str], Decision] = core.revocation_client
    introspection_caller: Callable[[_Text], Decision] = core.introspection_caller
    introspection_audience: Callable[[_Text, _Strings], Decision] = (
        core.introspection_audience
    )
    metadata: Callable[[JsonObject, str], JsonObject] = core.server_metadata
