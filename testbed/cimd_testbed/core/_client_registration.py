"""How a client becomes known to an authorization server (MCP "Client Registration").

In this order: it was registered by hand; its document, where the server says that it
reads documents; dynamic registration (RFC 7591), where the server offers it.
"""

from __future__ import annotations

from cimd_testbed.core._json import JsonObject
from cimd_testbed.core._redirect import LOOPBACK_HOSTS
from cimd_testbed.core._url import split_url


def client_id_source(preregistered: bool, metadata: JsonObject) -> str | None:
    """Choose how to be known (client-registration-priority); None: there is no way."""
    if preregistered:
        return "pre-registered"
    if metadata.get("client_id_metadata_document_supported") is True:
        return "document"
    if metadata.text("registration_endpoint") is not None:
        return "registration"
    return None


def registration_shelf(issuer: str) -> str:
    """Keep registrations by the issuer that gave them (client-as-change)."""
    return issuer


def registered_members(document: JsonObject) -> JsonObject:
    """Return what is registered: the document's members, and the kind of application.

    `native` when a response comes back to this machine, `web` otherwise (OpenID Connect
    Dynamic Client Registration section 2; MCP 2026-07-28).
    """
    members = document.plain()
    del members["client_id"]
    hosts = {split_url(uri).host for uri in document.texts("redirect_uris")}
    kind = "native" if hosts & LOOPBACK_HOSTS else "web"
    return JsonObject({**members, "application_type": kind})


def registration_again(refusals: int) -> bool:
    """Whether to send a refused registration again (client-dcr-rejection).

    It would be the same one.
    """
    del refusals
    return False
