"""Authorization server metadata (RFC 8414) and where it lies."""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._json import JsonObject
from cimd_testbed.core._url import split_url


def well_known_url(identifier: str, suffix: str) -> str:
    """Insert a well-known segment between host and path (RFC 8414 section 3.1)."""
    parts = split_url(identifier)
    return f"{parts.origin}/.well-known/{suffix}{parts.path.rstrip('/')}"


def metadata_issuer(metadata: JsonObject, expected: str) -> Decision:
    """Check that the `issuer` is the one the metadata was asked of.

    RFC 8414 section 3.3.
    """
    clause = "asmeta-issuer-identical"
    if metadata.get("issuer") != expected:
        return refuse(clause, "The metadata is of another issuer.")
    return accept(clause)


def server_metadata(metadata: JsonObject, host: str) -> JsonObject:
    """Return what the server says about itself, whatever `Host` was sent.

    RFC 9700 section 4.13.
    """
    del host
    return metadata
