"""What a client metadata document may say (CIMD-03 section 4, RFC 7591 section 2)."""

from __future__ import annotations

import re

from cimd_testbed.core._combine import strictest
from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._json import (
    MAX_DEPTH,
    Json,
    JsonObject,
    depth,
    parse_json_object,
    repeated_members,
    strings,
)
from cimd_testbed.core._redirect import registrable_redirect_uri
from cimd_testbed.core._url import split_url

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")

SYMMETRIC_METHODS = frozenset(
    {"client_secret_basic", "client_secret_post", "client_secret_jwt"}
)
SECRET_MEMBERS = ("client_secret", "client_secret_expires_at")
PRIVATE_KEY_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
URI_MEMBERS = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
"""What a page may show; a `jwks_uri` is judged where it is fetched."""
TEXT_MEMBERS = (
    *URI_MEMBERS,
    *("client_name", "jwks_uri", "scope", "software_id", "software_version"),
    *("software_statement", "token_endpoint_auth_method"),
    "token_endpoint_auth_signing_alg",
)
TEXT_LIST_MEMBERS = (
    "contacts",
    "grant_types",
    "response_types",
    "token_endpoint_auth_methods_supported",
)


def document_json(body: bytes) -> JsonObject | Decision:
    """Read the one JSON object that a document is, strictly; otherwise refuse.

    CIMD-03 section 4, RFC 8259.

    Repeated members, deep nesting and text that is no Unicode are refused: parsers
    disagree about them, so two readers could see two clients.
    """
    try:
        body.decode("utf-8")
        document = parse_json_object(body)
    except UnicodeDecodeError:
        return refuse("cimd-doc-utf8", "The document is not UTF-8.")
    except ValueError:
        return refuse("cimd-doc-valid-json", "The document is not a JSON object.")
    if depth(document) > MAX_DEPTH:
        return refuse("cimd-doc-parser-limits", "The document is nested too deeply.")
    if any(map(_HALF_A_PAIR.search, strings(document))):
        return refuse("cimd-doc-utf8", "The document has text that is no Unicode.")
    if repeated_members(body):
        return refuse("cimd-doc-duplicate-members", "The document repeats a member.")
    return document


def document_client_id(
    document: JsonObject, client_id: str, fetched_url: str
) -> Decision:
    """Check that the member, the identifier and the fetched URL are one string.

    CIMD-03 section 4.
    """
    stated = document.get("client_id")
    if not isinstance(stated, str) or not stated:
        return refuse("cimd-doc-client-id-present", "The document has no client_id.")
    if stated != client_id:
        return refuse("cimd-doc-client-id-match", "The document names another client.")
    if fetched_url != client_id:
        return refuse(
            "cimd-doc-client-id-equals-fetched-url",
            "The document came from another URL than the client_id.",
        )
    return accept("cimd-doc-client-id-match")


def document_client_secret(document: JsonObject) -> Decision:
    """No shared secret in a public document (CIMD-03 section 4.1)."""
    clause = "cimd-doc-no-client-secret"
    if any(name in document for name in SECRET_MEMBERS):
        return refuse(clause, "The document contains a client secret.")
    return accept(clause)


def document_symmetric_method(document: JsonObject) -> Decision:
    """No authentication by a shared secret, singular or plural.

    CIMD-03 section 4.1.
    """
    if document.get("token_endpoint_auth_method") in SYMMETRIC_METHODS:
        return refuse(
            "cimd-doc-no-symmetric-auth-method",
            "The document asks for authentication by a shared secret.",
        )
    if SYMMETRIC_METHODS & set(document.texts("token_endpoint_auth_methods_supported")):
        return refuse(
            "cimd-doc-no-symmetric-in-plural",
            "The document lists authentication by a shared secret.",
        )
    return accept("cimd-doc-no-symmetric-auth-method")


def document_private_key(document: JsonObject) -> Decision:
    """No private or symmetric key in the document (CIMD-03 section 4.1)."""
    clause = "cimd-doc-no-private-key"
    if any(is_secret_key(key) for key in key_set(document.get("jwks"))):
        return refuse(clause, "The document contains a private or symmetric key.")
    return accept(clause)


def jwks_private_key(jwks: JsonObject) -> Decision:
    """Refuse a key set at a `jwks_uri` with secrets in it, as in the document."""
    clause = "cimd-doc-no-private-key-at-jwks-uri"
    if any(is_secret_key(key) for key in key_set(jwks)):
        return refuse(clause, "The key set contains a private or symmetric key.")
    return accept(clause)


def document_stand_in(
    client_id: str, redirect_uri: str | None, clause: str
) -> JsonObject | None:
    """Return what stands in for a document that cannot be used: nothing.

    CIMD-03 section 5.1: a failure aborts the request. `redirect_uri` is the request's.
    """
    del client_id, redirect_uri, clause
    return None


def is_secret_key(key: JsonObject) -> bool:
    """Whether a JWK holds more than a public key."""
    return key.get("kty") == "oct" or not PRIVATE_KEY_MEMBERS.isdisjoint(key)


def key_set(jwks: Json) -> tuple[JsonObject, ...]:
    """Return the keys of a JWK Set; what is no key is passed over.

    RFC 7517 section 5.
    """
    keys = jwks.get("keys") if isinstance(jwks, JsonObject) else None
    if not isinstance(keys, tuple):
        return ()
    return tuple(key for key in keys if isinstance(key, JsonObject))


def document_keys(document: JsonObject) -> Decision:
    """Check that a `jwks` and a `jwks_uri` exclude each other (RFC 7591 section 2)."""
    clause = "cimd-doc-jwks-and-jwks-uri"
    if "jwks" in document and "jwks_uri" in document:
        return refuse(clause, "The document has both jwks and jwks_uri.")
    jwks = document.get("jwks")
    if "jwks" in document and not (
        isinstance(jwks, JsonObject) and isinstance(jwks.get("keys"), tuple)
    ):
        return refuse("pkjwt-jwks-inline", "The jwks of the document is no JWK Set.")
    return accept(clause)


def document_redirect_uris(document: JsonObject) -> Decision:
    """Redirect URIs are registered, and each is usable (CIMD-03 section 4.2)."""
    clause = "cimd-redirect-registration-required"
    stated = document.get("redirect_uris")
    if not isinstance(stated, tuple) or not stated:
        return refuse(clause, "The document registers no redirect_uris.")
    if not all(isinstance(uri, str) for uri in stated):
        return refuse(
            "cimd-doc-redirect-uri-syntax", "The redirect_uris are not all strings."
        )
    return strictest(
        map(registrable_redirect_uri, document.texts("redirect_uris")), clause
    )


def document_uris(document: JsonObject) -> Decision:
    """Refuse links that are no web addresses: a page may show them.

    CIMD-03 section 9.6.
    """
    clause = "cimd-uri-scheme-allowlist"
    for name in URI_MEMBERS:
        uri = document.text(name)
        scheme = (split_url(uri).scheme or "").lower() if uri is not None else "https"
        if scheme not in ("https", "http"):
            return refuse(clause, f"The {name} of the document is no web address.")
    return accept(clause)


def document_members(document: JsonObject) -> Decision:
    """Known members have their types; unknown ones are ignored (RFC 7591 section 2)."""
    clause = "cimd-doc-unknown-members-ignored"
    for name in TEXT_MEMBERS:
        if name in document and not isinstance(document[name], str):
            return refuse("cimd-doc-valid-json", f"The {name} is not a string.")
    for name in TEXT_LIST_MEMBERS:
        value = document.get(name)
        if name in document and (
            not isinstance(value, tuple) or len(value) != len(document.texts(name))
        ):
            return refuse("cimd-doc-valid-json", f"The {name} is no array of strings.")
    return accept(clause)


def document_required_members(document: JsonObject) -> Decision:
    """Demand a client_name, as MCP does; CIMD alone leaves it to the server."""
    clause = "cimd-doc-mcp-required-members-enforced"
    if not document.text("client_name"):
        return refuse(clause, "The document has no client_name.")
    return accept(clause)


def document_grants(document: JsonObject) -> Decision:
    """Grant types and response types agree (RFC 7591 section 2.1)."""
    clause = "cimd-doc-inconsistent-refused"
    codes = "code" in response_types(document)
    if codes and "authorization_code" not in grant_types(document):
        return refuse(clause, "The response_types contradict the grant_types.")
    return accept(clause)


def grant_types(document: JsonObject) -> tuple[str, ...]:
    """Return the grant types, with the default of RFC 7591 section 2."""
    if "grant_types" not in document:
        return ("authorization_code",)
    return document.texts("grant_types")


def response_types(document: JsonObject) -> tuple[str, ...]:
    """Return the response types, with the default of RFC 7591 section 2."""
    if "response_types" not in document:
        return ("code",)
    return document.texts("response_types")
