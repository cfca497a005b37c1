"""Flaws of the agent host: finding the authorization server, and believing it."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, IPAddress, JsonObject
from cimd_testbed.flaws._flaw import agent_host as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "agent-challenge-ignored",
    "challenge",
    "A challenge is only understood when it is written in the simplest way.",
)
def _challenge_ignored(fields: tuple[str, ...]) -> JsonObject | None:
    first = next(iter(fields), "")
    if not first.startswith("Bearer resource_metadata="):
        return None
    return core.bearer_challenge((first,))


@flaw(
    "agent-metadata-url-guessed",
    "resource_metadata_urls",
    "The well-known URLs are tried although the challenge names another.",
)
def _metadata_url_guessed(server_url: str, challenged: str | None) -> tuple[str, ...]:
    guessed = core.resource_metadata_urls(server_url, None)
    return (*guessed, challenged) if challenged else guessed


@flaw(
    "agent-challenge-url-dropped",
    "resource_metadata_urls",
    "Only the well-known URLs are tried, whatever URL the challenge names.",
)
def _challenge_url_dropped(server_url: str, challenged: str | None) -> tuple[str, ...]:
    del challenged
    return core.resource_metadata_urls(server_url, None)


@flaw(
    "agent-no-metadata-fallback",
    "resource_metadata_urls",
    "Without a URL in the challenge there is no discovery.",
)
def _no_metadata_fallback(server_url: str, challenged: str | None) -> tuple[str, ...]:
    del server_url
    return (challenged,) if challenged else ()


@flaw(
    "agent-any-resource",
    "resource_identity",
    "Metadata of any resource is believed.",
)
def _any_resource(metadata: JsonObject, server_url: str, found_at: str) -> Decision:
    return tolerate(core.resource_identity(metadata, server_url, found_at))


@flaw(
    "agent-issuer-guessed",
    "issuer_without_metadata",
    "A server without metadata is taken for its own authorization server.",
)
def _issuer_guessed(server_url: str) -> str | None:
    return core.split_url(server_url).origin


@flaw(
    "agent-oauth-metadata-only",
    "server_metadata_urls",
    "OpenID Connect discovery is not supported.",
)
def _oauth_metadata_only(issuer: str) -> tuple[str, ...]:
    return core.server_metadata_urls(issuer)[:1]


@flaw(
    "agent-any-issuer",
    "server_metadata_issuer",
    "The issuer in the metadata is not looked at.",
)
def _any_issuer(metadata: JsonObject, issuer: str) -> Decision:
    return tolerate(core.server_metadata_issuer(metadata, issuer))


@flaw(
    "agent-plain-http-discovery",
    "discovery_url",
    "Discovered URLs may be plain http.",
)
def _plain_http_discovery(url: str) -> Decision:
    return tolerate(core.discovery_url(url))


@flaw(
    "agent-inward-addresses",
    "discovery_addresses",
    "Discovered URLs may lead into the own network.",
)
def _inward_addresses(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    return tolerate(core.discovery_addresses(host, addresses))


@flaw(
    "agent-metadata-redirects-followed",
    "metadata_redirect",
    "Redirects of metadata are followed anywhere.",
)
def _metadata_redirects(url: str, status: int, location: str | None) -> str | None:
    del url
    return location if 300 <= status < 400 else None


@flaw(
    "agent-pkce-support-assumed",
    "pkce_support",
    "PKCE is used whether or not the server announces it.",
)
def _pkce_support_assumed(metadata: JsonObject) -> Decision:
    return tolerate(core.pkce_support(metadata))


@flaw(
    "agent-flag-ignored",
    "client_id_source",
    "The document's URL is sent to servers that do not announce support for it.",
)
def _flag_ignored(preregistered: bool, metadata: JsonObject) -> str | None:
    return core.client_id_source(preregistered, metadata) or "document"


@flaw(
    "agent-opens-anything",
    "authorization_url",
    "Whatever the metadata calls authorization endpoint is opened.",
)
def _opens_anything(url: str) -> Decision:
    return tolerate(core.authorization_url(url))


@flaw(
    "agent-document-of-another",
    "document",
    "The published document names another client_id.",
)
def _document_of_another(document: JsonObject) -> JsonObject:
    members = document.plain()
    return JsonObject({**members, "client_id": f"{members['client_id']}/"})


@flaw(
    "agent-document-with-secret",
    "document",
    "The published document contains a client_secret.",
)
def _document_with_secret(document: JsonObject) -> JsonObject:
    return JsonObject({**document.plain(), "client_secret": "s3cret-of-everyone"})


@flaw(
    "agent-document-nameless",
    "document",
    "The published document has no client_name and lists no redirect URI.",
)
def _document_nameless(document: JsonObject) -> JsonObject:
    members = document.plain()
    del members["client_name"]
    return JsonObject({**members, "redirect_uris": []})


@flaw(
    "agent-document-loopback-by-name",
    "document",
    "The published document names localhost.",
)
def _document_loopback_by_name(document: JsonObject) -> JsonObject:
    return _with(document, redirect_uris=["http://localhost/callback"])


@flaw(
    "agent-document-plain-redirect",
    "document",
    "The published document lists a plain http redirect URI.",
)
def _document_plain_redirect(document: JsonObject) -> JsonObject:
    uris = [*document.texts("redirect_uris"), "http://agent.example/callback"]
    return _with(document, redirect_uris=uris)


@flaw(
    "agent-document-plural-only",
    "document",
    "The published document has the plural of its authentication method alone.",
)
def _document_plural_only(document: JsonObject) -> JsonObject:
    members = document.plain()
    method = members.pop("token_endpoint_auth_method", "none")
    return JsonObject({**members, "token_endpoint_auth_methods_supported": [method]})


@flaw(
    "agent-document-without-refresh",
    "document",
    "The published document does not declare that tokens are refreshed.",
)
def _document_without_refresh(document: JsonObject) -> JsonObject:
    return _with(document, grant_types=["authorization_code"])


@flaw(
    "agent-document-unsound-id",
    "document",
    "The published document names itself with a fragment.",
)
def _document_unsound_id(document: JsonObject) -> JsonObject:
    return _with(document, client_id=f"{document.text('client_id')}#agent")


@flaw(
    "agent-document-at-root",
    "document",
    "The published document names the root of its host.",
)
def _document_at_root(document: JsonObject) -> JsonObject:
    origin = core.split_url(document.text("client_id") or "").origin
    return _with(document, client_id=f"{origin}/")


@flaw(
    "agent-document-keys-twice",
    "document",
    "The published document has its keys and their URL.",
)
def _document_keys_twice(document: JsonObject) -> JsonObject:
    return _with(document, jwks={"keys": []}, jwks_uri=document.text("jwks_uri") or "")


@flaw(
    "agent-document-public-with-keys",
    "document",
    "The document of a client with keys calls it a public one.",
)
def _document_public_with_keys(document: JsonObject) -> JsonObject:
    return _with(document, token_endpoint_auth_method="none")  # noqa: S106


def _with(document: JsonObject, **members: object) -> JsonObject:
    return JsonObject({**document.plain(), **members})


@flaw(
    "agent-document-elsewhere",
    "document_location",
    "The document's URL redirects to where the document is.",
)
def _document_elsewhere(url: str) -> str | None:
    return f"{url}?v=2"


@flaw(
    "agent-document-uncacheable",
    "publishing_headers",
    "Document and keys say nothing about caching.",
)
def _document_uncacheable() -> tuple[tuple[str, str], ...]:
    return ()


@flaw(
    "agent-private-keys-published",
    "keys",
    "The key set has the private members of the keys.",
)
def _private_keys_published(keys: tuple[JsonObject, ...]) -> tuple[JsonObject, ...]:
    return keys


@flaw(
    "agent-no-key-overlap",
    "keys_published",
    "A rotated key disappears from the key set at once.",
)
def _no_key_overlap(current: int, retired: int) -> int:
    del current, retired
    return 0
