"""Causes that lie in the client metadata document: a member that a server demands."""

from __future__ import annotations

import json
import re
from typing import Any

from cimd_conformance.engine._diagnosis import Case, Diagnosis, json_of, quoted

EXAMPLES: dict[str, Any] = {
    "application_type": "web",
    "client_uri": "https://client.example.com/",
    "contacts": ["security@example.com"],
    "default_max_age": 3600,
    "grant_types": ["authorization_code"],
    "id_token_signed_response_alg": "ES256",
    "logo_uri": "https://client.example.com/logo.png",
    "policy_uri": "https://client.example.com/privacy",
    "post_logout_redirect_uris": ["https://client.example.com/bye"],
    "require_auth_time": False,
    "response_types": ["code"],
    "software_id": "4fb9b4ca-25a7-4d1f-8c8b-6f2c2f6b8a10",
    "software_version": "1.0",
    "sector_identifier_uri": "https://client.example.com/sector.json",
    "subject_type": "public",
    "token_endpoint_auth_signing_alg": "ES256",
    "tos_uri": "https://client.example.com/terms",
}
"""Members of a client's metadata (RFC 7591 section 2, OpenID Connect Registration)."""
_MEMBERS = (*EXAMPLES, "client_name", "jwks", "jwks_uri", "redirect_uris")
_LACKS = (
    r"missing|required|must (?:have|contain|include|provide|be present)|lacks|absent"
)
_NAME = r"[`'\"“‘]?([a-z]+(?:_[a-z0-9]+)*)[`'\"”’]?"
_MISSING = (
    re.compile(rf"\bmissing (?:the )?(?:required )?(?:\w+ )?(?:{_NAME})"),
    re.compile(rf"{_NAME}:? (?:is|are|was) (?:missing|required|not present|absent)"),
    re.compile(rf"\b(?:requires?|lacks|must (?:have|contain|include|provide)) {_NAME}"),
    re.compile(rf"{_NAME}:? (?:[Ff]ield required|[Rr]equired\b)"),
)
_PARAMETERS = frozenset(
    (
        *("client_id", "redirect_uri", "response_type", "code_challenge"),
        *("code_challenge_method", "client_assertion", "client_secret", "grant_type"),
        *("code_verifier", "client_assertion_type"),
    )
)
"""Words of requests: whoever misses one does not speak of the document."""


def document_member(case: Case[Any]) -> Diagnosis | None:
    """Return which member of the document the target misses, or objects to."""
    served = case.of("client", "client_document")
    if not served:
        return None
    document = json_of(served[-1])
    words = case.words
    if (name := _missing(words, document)) is not None:
        example = EXAMPLES.get(name, "…")
        line = f"{name} = {json.dumps(example, ensure_ascii=False)}"
        return Diagnosis(
            "control",
            "document-member-missing",
            f"The target fetched the client metadata document and misses `{name}` in "
            f"it.{quoted(case.said)}",
            f"Add the member to `client_document`, for instance {line}.",
            (f"client_document.{name}",),
        )
    if (name := _wrong(words, document)) is not None:
        value = json.dumps(document[name], ensure_ascii=False)[:80]
        return Diagnosis(
            "control",
            "document-member-wrong",
            f"The target fetched the client metadata document and objects to `{name}`, "
            f"which is {value} in it.{quoted(case.said)}",
            "Give the member the value that the target takes, in `client_document`.",
            (f"client_document.{name}",),
        )
    return None


def _missing(words: str, document: dict[str, Any]) -> str | None:
    """Return a member that is not there and that the words ask for."""
    if not document:
        return None
    for pattern in _MISSING:
        for name in pattern.findall(words):
            known = name in _MEMBERS or "_" in name
            if known and name not in document and name not in _PARAMETERS:
                return str(name)
    for name in sorted(_MEMBERS, key=len, reverse=True):
        if name not in document and _near(words, name, _LACKS):
            return name
    return None


def _wrong(words: str, document: dict[str, Any]) -> str | None:
    pattern = r"invalid|unsupported|not (?:allowed|supported|valid)|must|expected"
    for name in sorted(document, key=len, reverse=True):
        if name in _MEMBERS and _near(words, name, pattern):
            return name
    return None


def _near(words: str, name: str, pattern: str) -> bool:
    """Whether a line has the name and, close to it, one of some words."""
    close = rf"\b{name}\b.{{0,60}}\b(?:{pattern})|\b(?:{pattern})\b.{{0,60}}\b{name}\b"
    return re.search(close, words, re.IGNORECASE) is not None
