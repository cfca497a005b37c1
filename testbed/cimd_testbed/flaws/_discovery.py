"""Flaws in what the server says about itself."""

from __future__ import annotations

from typing import Any

from cimd_testbed import core
from cimd_testbed.core import JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw


@flaw(
    "flag-missing",
    "metadata",
    "The metadata does not say that URLs are client ids.",
)
def _flag_missing(metadata: JsonObject, host: str) -> JsonObject:
    return _changed(
        core.server_metadata(metadata, host), client_id_metadata_document_supported=None
    )


@flaw(
    "iss-not-advertised",
    "metadata",
    "The metadata does not say that responses have iss.",
)
def _iss_not_advertised(metadata: JsonObject, host: str) -> JsonObject:
    stated = core.server_metadata(metadata, host)
    return _changed(stated, authorization_response_iss_parameter_supported=None)


@flaw(
    "pkce-not-advertised",
    "metadata",
    "The metadata does not mention PKCE.",
)
def _pkce_not_advertised(metadata: JsonObject, host: str) -> JsonObject:
    return _changed(
        core.server_metadata(metadata, host), code_challenge_methods_supported=None
    )


@flaw(
    "none-not-advertised",
    "metadata",
    "The metadata does not list the method none.",
)
def _none_not_advertised(metadata: JsonObject, host: str) -> JsonObject:
    stated = core.server_metadata(metadata, host)
    return _changed(stated, token_endpoint_auth_methods_supported=("private_key_jwt",))


@flaw(
    "metadata-algorithms-missing",
    "metadata",
    "The metadata does not list algorithms for assertions.",
)
def _metadata_algorithms_missing(metadata: JsonObject, host: str) -> JsonObject:
    stated = core.server_metadata(metadata, host)
    return _changed(stated, token_endpoint_auth_signing_alg_values_supported=None)


@flaw(
    "metadata-issuer-differs",
    "metadata",
    "The metadata spells the issuer with a slash.",
)
def _metadata_issuer_differs(metadata: JsonObject, host: str) -> JsonObject:
    return _changed(
        core.server_metadata(metadata, host), issuer=f"{metadata['issuer']}/"
    )


@flaw(
    "metadata-follows-host",
    "metadata",
    "The metadata names endpoints on whatever Host was sent.",
)
def _metadata_follows_host(metadata: JsonObject, host: str) -> JsonObject:
    stated = core.server_metadata(metadata, host)
    issuer = metadata.text("issuer") or ""
    own = core.split_url(issuer).origin
    moved = {
        name: value.replace(own, f"https://{host}")
        for name, value in stated.items()
        if isinstance(value, str) and name != "issuer"
    }
    return _changed(stated, **moved)


def _changed(metadata: JsonObject, **changes: Any) -> JsonObject:
    """Change members; None removes one."""
    changed = {**metadata, **changes}
    return JsonObject({k: v for k, v in changed.items() if v is not None})
