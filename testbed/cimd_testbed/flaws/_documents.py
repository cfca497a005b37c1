"""Flaws in judging client metadata documents."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "any-json-accepted",
    "document_stand_in",
    "A body that is no JSON object is taken for an empty document.",
)
def _any_json_accepted(
    client_id: str, redirect_uri: str | None, clause: str
) -> JsonObject | None:
    if clause != "cimd-doc-valid-json":
        return core.document_stand_in(client_id, redirect_uri, clause)
    return _imagined(client_id, redirect_uri)


@flaw(
    "missing-document-forgiven",
    "document_stand_in",
    "A client whose document is gone is trusted without one.",
)
def _missing_document_forgiven(
    client_id: str, redirect_uri: str | None, clause: str
) -> JsonObject | None:
    if clause != "cimd-fetch-status-200-only":
        return core.document_stand_in(client_id, redirect_uri, clause)
    return _imagined(client_id, redirect_uri)


@flaw(
    "document-optional",
    "document_stand_in",
    "A client whose document cannot be had is trusted without one.",
)
def _document_optional(
    client_id: str, redirect_uri: str | None, clause: str
) -> JsonObject | None:
    del clause
    return _imagined(client_id, redirect_uri)


@flaw(
    "unreachable-document-imagined",
    "document_stand_in",
    "A client whose host cannot be reached is trusted without a document.",
)
def _unreachable_document_imagined(
    client_id: str, redirect_uri: str | None, clause: str
) -> JsonObject | None:
    if clause not in ("cimd-fetch-failure-aborts", "cimd-fetch-timeout"):
        return core.document_stand_in(client_id, redirect_uri, clause)
    return _imagined(client_id, redirect_uri)


@flaw(
    "redirect-uris-imagined",
    "document_stand_in",
    "A client whose document registers no redirect URI may use any.",
)
def _redirect_uris_imagined(
    client_id: str, redirect_uri: str | None, clause: str
) -> JsonObject | None:
    if clause != "cimd-redirect-registration-required":
        return core.document_stand_in(client_id, redirect_uri, clause)
    return _imagined(client_id, redirect_uri)


@flaw(
    "client-id-not-compared",
    "document_client_id",
    "A document may name another client.",
)
def _client_id_not_compared(
    document: JsonObject, client_id: str, fetched_url: str
) -> Decision:
    decision = core.document_client_id(document, client_id, fetched_url)
    match = ("cimd-doc-client-id-match", "cimd-doc-client-id-equals-fetched-url")
    return tolerate(decision, *match)


@flaw(
    "client-id-optional",
    "document_client_id",
    "A document may lack its client_id.",
)
def _client_id_optional(
    document: JsonObject, client_id: str, fetched_url: str
) -> Decision:
    decision = core.document_client_id(document, client_id, fetched_url)
    return tolerate(decision, "cimd-doc-client-id-present")


@flaw(
    "client-id-host-compared",
    "document_client_id",
    "Of the client_id only the host is compared.",
)
def _client_id_host_compared(
    document: JsonObject, client_id: str, fetched_url: str
) -> Decision:
    decision = core.document_client_id(document, client_id, fetched_url)
    stated = core.split_url(document.text("client_id") or "")
    if stated.host == core.split_url(client_id).host:
        return tolerate(decision, "cimd-doc-client-id-match")
    return decision


@flaw(
    "client-secret-accepted",
    "document_client_secret",
    "A document may contain a client secret.",
)
def _client_secret_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_client_secret(document))


@flaw(
    "symmetric-methods-accepted",
    "document_symmetric_method",
    "A document may ask for authentication by a shared secret.",
)
def _symmetric_methods_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_symmetric_method(document))


@flaw(
    "private-keys-accepted",
    "document_private_key",
    "A document may contain private keys.",
)
def _private_keys_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_private_key(document))


@flaw(
    "jwks-and-jwks-uri-accepted",
    "document_keys",
    "A document may have both jwks and jwks_uri.",
)
def _jwks_and_jwks_uri_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_keys(document))


@flaw(
    "any-redirect-uris-registered",
    "document_redirect_uris",
    "A document may register any string as a redirect URI.",
)
def _any_redirect_uris_registered(document: JsonObject) -> Decision:
    return tolerate(core.document_redirect_uris(document))


@flaw(
    "odd-redirect-uris-registered",
    "document_redirect_uris",
    "A redirect URI may have a fragment, userinfo, or no scheme.",
)
def _odd_redirect_uris_registered(document: JsonObject) -> Decision:
    return tolerate(
        core.document_redirect_uris(document),
        "cimd-doc-redirect-uri-syntax",
        "cimd-doc-redirect-uri-userinfo",
    )


@flaw(
    "redirect-uris-optional",
    "document_redirect_uris",
    "A document may lack redirect URIs.",
)
def _redirect_uris_optional(document: JsonObject) -> Decision:
    return tolerate(
        core.document_redirect_uris(document), "cimd-redirect-registration-required"
    )


@flaw(
    "dangerous-schemes-accepted",
    "document_redirect_uris",
    "A redirect URI may have a scheme that runs code.",
)
def _dangerous_schemes_accepted(document: JsonObject) -> Decision:
    return tolerate(
        core.document_redirect_uris(document),
        "cimd-doc-redirect-uri-dangerous-scheme",
        "cimd-doc-redirect-uri-syntax",
        "cimd-doc-redirect-uri-userinfo",
    )


@flaw(
    "plain-http-redirects-accepted",
    "document_redirect_uris",
    "A redirect URI may be plain http anywhere.",
)
def _plain_http_redirects_accepted(document: JsonObject) -> Decision:
    return tolerate(
        core.document_redirect_uris(document), "cimd-doc-redirect-uri-scheme"
    )


@flaw(
    "short-private-schemes-accepted",
    "document_redirect_uris",
    "A private-use scheme may lack a period.",
)
def _short_private_schemes_accepted(document: JsonObject) -> Decision:
    return tolerate(
        core.document_redirect_uris(document), "cimd-doc-private-scheme-period"
    )


@flaw(
    "any-metadata-scheme-accepted",
    "document_uris",
    "Links in a document may have any scheme.",
)
def _any_metadata_scheme_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_uris(document))


@flaw(
    "contradictory-grants-accepted",
    "document_grants",
    "Grant types and response types may contradict each other.",
)
def _contradictory_grants_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_grants(document))


@flaw(
    "contradictory-methods-accepted",
    "document_auth_methods",
    "The singular method need not be in the plural list.",
)
def _contradictory_methods_accepted(document: JsonObject) -> Decision:
    return tolerate(core.document_auth_methods(document))


@flaw(
    "private-keys-at-jwks-uri-accepted",
    "jwks_private_key",
    "A key set at a jwks_uri may contain private keys.",
)
def _private_keys_at_jwks_uri_accepted(jwks: JsonObject) -> Decision:
    return tolerate(core.jwks_private_key(jwks))


@flaw(
    "unknown-members-refused",
    "document_members",
    "A document with unknown members is refused (too strict).",
)
def _unknown_members_refused(document: JsonObject) -> Decision:
    decision = core.document_members(document)
    if not decision.refused and not _KNOWN.issuperset(document):
        return core.refuse("cimd-doc-unknown-members-ignored", "Unknown member.")
    return decision


@flaw(
    "client-name-optional",
    "document_required_members",
    "A document may lack its client_name.",
)
def _client_name_optional(document: JsonObject) -> Decision:
    return tolerate(core.document_required_members(document))


@flaw(
    "first-redirect-uri-judged",
    "document_redirect_uris",
    "Of the redirect URIs of a document only the first is judged.",
)
def _first_redirect_uri_judged(document: JsonObject) -> Decision:
    first = document.texts("redirect_uris")[:1]
    kept = JsonObject({**document, "redirect_uris": first})
    if not first or not isinstance(document.get("redirect_uris"), tuple):
        return core.document_redirect_uris(document)
    return core.document_redirect_uris(kept)


@flaw(
    "private-use-schemes-refused",
    "document_redirect_uris",
    "Redirect URIs of native apps are refused (too strict).",
)
def _private_use_schemes_refused(document: JsonObject) -> Decision:
    decision = core.document_redirect_uris(document)
    schemes = {core.split_url(uri).scheme for uri in document.texts("redirect_uris")}
    if not decision.refused and not {"https", "http"}.issuperset(schemes):
        return core.refuse("cimd-doc-redirect-uri-scheme", "No apps here.")
    return decision


@flaw(
    "loopback-redirects-refused",
    "document_redirect_uris",
    "Loopback redirect URIs are refused (too strict).",
)
def _loopback_redirects_refused(document: JsonObject) -> Decision:
    decision = core.document_redirect_uris(document)
    uris = document.texts("redirect_uris")
    if not decision.refused and any(map(core.is_loopback_redirect, uris)):
        return core.refuse("cimd-doc-redirect-uri-scheme", "No loopback here.")
    return decision


@flaw(
    "plural-methods-refused",
    "document_auth_methods",
    "A document with a list of methods is refused (too strict).",
)
def _plural_methods_refused(document: JsonObject) -> Decision:
    decision = core.document_auth_methods(document)
    if not decision.refused and "token_endpoint_auth_methods_supported" in document:
        return core.refuse("cimd-auth-unsupported-member-tolerated", "One method only.")
    return decision


_KNOWN = frozenset(
    {
        *("client_id", "client_name", "client_uri", "contacts", "grant_types"),
        *("jwks", "jwks_uri", "logo_uri", "policy_uri", "redirect_uris"),
        *("response_types", "scope", "software_id", "software_version", "tos_uri"),
        *("application_type", "software_statement", "token_endpoint_auth_method"),
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg",
    }
)


def _imagined(client_id: str, redirect_uri: str | None) -> JsonObject:
    """Return the document that would make the request valid."""
    uris = () if redirect_uri is None else (redirect_uri,)
    return JsonObject({"client_id": client_id, "redirect_uris": uris})
