"""Metadata (RFC 8414, OpenID Connect Discovery) and keys (RFC 7517)."""

from __future__ import annotations

from cimd_testbed.core import JsonObject
from cimd_testbed.net import Request, Response
from cimd_testbed.reference.authorization_server._state import State, api_response

_CACHE = (("Cache-Control", "public, max-age=300"),)


def metadata(state: State, request: Request) -> Response:
    """Describe the server (RFC 8414 section 2)."""
    stated = state.checks.metadata(_metadata(state), request.host)
    return api_response(stated.plain(), headers=_CACHE)


def _metadata(state: State) -> JsonObject:
    settings = state.settings
    return JsonObject(
        {
            "issuer": state.issuer,
            "authorization_endpoint": state.endpoint("authorize"),
            "token_endpoint": state.endpoint("token"),
            "jwks_uri": state.endpoint("jwks"),
            "revocation_endpoint": state.endpoint("revoke"),
            "introspection_endpoint": state.endpoint("introspect"),
            "scopes_supported": settings.scopes,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": settings.auth_methods,
            "token_endpoint_auth_signing_alg_values_supported": (
                settings.assertion_algorithms
            ),
            "revocation_endpoint_auth_methods_supported": settings.auth_methods,
            "revocation_endpoint_auth_signing_alg_values_supported": (
                settings.assertion_algorithms
            ),
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            "client_id_metadata_document_supported": True,
            "protected_resources": settings.resource_uris,
            # What OpenID Connect Discovery demands besides:
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": settings.signing_algorithms,
        }
    )


def jwks(state: State) -> Response:
    """Publish the public signing keys."""
    return api_response({"keys": state.signing.public_keys()}, headers=_CACHE)
