"""Rules for the client metadata document (CIMD-03 sections 3 and 4, RFC 7591)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from cimd_conformance.lint._finding import Wrong
from cimd_conformance.lint._keys import lint_key_set
from cimd_conformance.lint._url import client_id_url, redirect_uri, web_url

_METHOD = "token_endpoint_auth_method"
_METHODS = "token_endpoint_auth_methods_supported"
_ALG = "token_endpoint_auth_signing_alg"
_SHARED = ("client_secret_post", "client_secret_basic", "client_secret_jwt")
_KEYED = ("private_key_jwt",)
_LISTS = ("redirect_uris", "grant_types", "response_types", "contacts", _METHODS)
_WEB = ("client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri")
_NEEDS = {"code": "authorization_code", "token": "implicit", "id_token": "implicit"}


def lint_document(
    document: dict[str, Any], client_id: str | None = None
) -> Iterator[Wrong]:
    """Yield what is wrong; `client_id` is the URL at which the document is."""
    yield from _identity(document, client_id)
    yield from _name(document)
    yield from _types(document)
    yield from _redirect_uris(document)
    yield from _grants(document)
    yield from _secrets(document)
    yield from _authentication(document)
    yield from _keys(document)
    for name in _WEB:
        if name in document:
            yield from web_url(document[name], name)


def _identity(document: dict[str, Any], client_id: str | None) -> Iterator[Wrong]:
    stated = document.get("client_id")
    if not isinstance(stated, str):
        what = "The document has no client_id."
        fix = "Add it: the URL of the document, letter by letter."
        yield Wrong("cimd-doc-client-id-present", "client_id", what, fix)
        return
    if client_id is not None and stated != client_id:
        what = f"client_id is {stated!r}, and the document is at {client_id!r}."
        fix = "Make them one string: no slash, case or port more or less."
        yield Wrong("cimd-client-doc-self-reference", "client_id", what, fix)
    yield from client_id_url(stated)


def _name(document: dict[str, Any]) -> Iterator[Wrong]:
    name = document.get("client_name")
    if not isinstance(name, str) or not name.strip():
        what = "The document has no client_name."
        fix = "Add the name by which people know the client."
        yield Wrong("cimd-client-doc-mcp-members", "client_name", what, fix)
    elif any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in name):
        what = "client_name has invisible or steering characters."
        fix = "Use visible characters only."
        yield Wrong("cimd-consent-output-encoding", "client_name", what, fix)


def _types(document: dict[str, Any]) -> Iterator[Wrong]:
    for name in _LISTS:
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            what = f"{name} is no array of strings."
            yield Wrong("cimd-doc-valid-json", name, what, "Make it one.")
    for name in (*_WEB, "scope", _METHOD, _ALG):
        if name in document and not isinstance(document[name], str):
            what = f"{name} is no string."
            yield Wrong("cimd-doc-valid-json", name, what, "Make it one.")


def _strings(document: dict[str, Any], name: str) -> list[str]:
    value = document.get(name)
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, str)]


def _redirect_uris(document: dict[str, Any]) -> Iterator[Wrong]:
    if "redirect_uris" not in document:
        what = "The document has no redirect_uris."
        fix = "List every redirect URI that the client uses."
        yield Wrong("cimd-client-doc-mcp-members", "redirect_uris", what, fix)
    elif document["redirect_uris"] == []:
        what = "redirect_uris is empty."
        fix = "List every redirect URI that the client uses."
        yield Wrong("cimd-redirect-registration-required", "redirect_uris", what, fix)
    for number, uri in enumerate(_strings(document, "redirect_uris")):
        yield from redirect_uri(uri, f"redirect_uris[{number}]")


def _grants(document: dict[str, Any]) -> Iterator[Wrong]:
    grants = _strings(document, "grant_types") or ["authorization_code"]
    for kind in _strings(document, "response_types") or ["code"]:
        for word in kind.split():
            if (needed := _NEEDS.get(word, word)) not in grants:
                what = f"The response type {word!r} needs the grant type {needed!r}."
                fix = "Add the grant type, or drop the response type."
                yield Wrong("cimd-doc-inconsistent-refused", "grant_types", what, fix)
    if "grant_types" in document and "refresh_token" not in grants:
        what = "grant_types lacks refresh_token: the client gets none."
        fix = "Add refresh_token if the client wants to stay connected."
        yield Wrong("client-refresh-grant-declared", "grant_types", what, fix)


def _secrets(document: dict[str, Any]) -> Iterator[Wrong]:
    for name in ("client_secret", "client_secret_expires_at"):
        if name in document:
            what = f"The document has {name}: everybody can read it."
            fix = "Remove it, and withdraw the secret wherever it is used."
            yield Wrong("cimd-doc-no-client-secret", name, what, fix)
    for name in ("private_key", "private_jwk"):
        if name in document:
            what = f"The document has {name}: whoever reads it is you."
            fix = "Remove it, and withdraw the key."
            yield Wrong("cimd-doc-no-private-key", name, what, fix)


def _authentication(document: dict[str, Any]) -> Iterator[Wrong]:
    method, plural = document.get(_METHOD), _strings(document, _METHODS)
    if method in _SHARED:
        what = f"{_METHOD} is {method}: a public document cannot share a secret."
        fix = "Say none, or private_key_jwt with keys."
        yield Wrong("cimd-doc-no-symmetric-auth-method", _METHOD, what, fix)
    for each in plural:
        if each in _SHARED:
            what = f"{_METHODS} has {each}: a public document cannot share a secret."
            fix = "Keep none and private_key_jwt."
            yield Wrong("cimd-doc-no-symmetric-in-plural", _METHODS, what, fix)
    if plural and isinstance(method, str) and method not in plural:
        what = f"{_METHOD} is {method}, which {_METHODS} does not have."
        yield Wrong("cimd-auth-singular-in-plural", _METHODS, what, "Add it.")
    if plural and method is None:
        what = f"Only {_METHODS} is there, which few servers read."
        yield Wrong("cimd-auth-publish-both", _METHOD, what, f"Add {_METHOD} too.")
    if str(document.get(_ALG, "")).lower() == "none":
        what = f"{_ALG} is none: an assertion without a signature proves nothing."
        yield Wrong("pkjwt-alg-none", _ALG, what, "Say ES256, say.")


def _keys(document: dict[str, Any]) -> Iterator[Wrong]:
    methods = {document.get(_METHOD), *_strings(document, _METHODS)}
    published = [name for name in ("jwks", "jwks_uri") if name in document]
    if len(published) == 2:
        what = "Both jwks and jwks_uri are there, and servers choose differently."
        yield Wrong("host-both-jwks-members", "jwks_uri", what, "Keep one.")
    if not published and methods & set(_KEYED):
        what = "The client authenticates with a key and publishes none."
        fix = "Add jwks, or jwks_uri."
        yield Wrong("cimd-auth-private-key-jwt-required", "jwks", what, fix)
    if "jwks" in document:
        yield from lint_key_set(document["jwks"], inline=True)
