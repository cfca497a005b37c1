"""Loose comparisons of identifiers: the same few mistakes wherever one is compared."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import (
    Registrar,
    agent_host,
    authorization_server,
    tolerate,
    tool_server,
)

Alike = Callable[[Any, str], bool]
"""Whether what was presented is taken for what was expected."""


def normalised(url: str) -> str:
    """Return a URL as libraries and people clean it up (RFC 3986 section 6)."""
    parts = core.split_url(unquote(url.strip()))
    origin = re.sub(r":0*([1-9][0-9]*)$", r":\1", parts.origin.lower())
    origin = re.sub(r"^(https:.*):443$|^(http:.*):80$", r"\1\2", origin)
    first, dot, rest = origin.partition("//0x7f")
    path = posixpath.normpath(parts.path or "/").rstrip("/")
    return f"{first}{'//127' if dot else ''}{rest}{path}"


def _place(url: str) -> tuple[str | None, str]:
    parts = core.split_url(url.rpartition("#")[0] if "#" in url else url)
    return parts.host, parts.path


def _alike_normalised(stated: Any, expected: str) -> bool:
    return isinstance(stated, str) and normalised(stated) == normalised(expected)


def _alike_prefix(stated: Any, expected: str) -> bool:
    if not isinstance(stated, str) or not stated:
        return False
    return stated.startswith(expected) or expected.startswith(stated)


def _alike_case(stated: Any, expected: str) -> bool:
    return isinstance(stated, str) and stated.lower() == expected.lower()


def _alike_place(stated: Any, expected: str) -> bool:
    return isinstance(stated, str) and _place(stated) == _place(expected)


def _alike_contained(stated: Any, expected: str) -> bool:
    return isinstance(stated, str) and expected in stated


def _alike_listed(stated: Any, expected: str) -> bool:
    return not isinstance(stated, str) and expected in (stated or ())


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way to compare wrongly."""

    how: str
    alike: Alike


COMPARISONS: Mapping[str, Comparison] = MappingProxyType(
    {
        "normalised": Comparison("after normalisation", _alike_normalised),
        "prefix": Comparison("by how they begin", _alike_prefix),
        "case": Comparison("without regard to case", _alike_case),
        "place": Comparison("by host and path alone", _alike_place),
        "contained": Comparison("by whether one is in the other", _alike_contained),
        "listed": Comparison("also with the members of a list", _alike_listed),
    }
)


def _redirect_uri(alike: Alike) -> Callable[..., Decision]:
    def wrong(requested: str, registered: tuple[str, ...]) -> Decision:
        decision = core.redirect_uri_exact(requested, registered)
        same = any(alike(requested, uri) for uri in registered)
        return tolerate(decision) if same else decision

    return wrong


def _document_client_id(alike: Alike) -> Callable[..., Decision]:
    def wrong(document: JsonObject, client_id: str, fetched_url: str) -> Decision:
        decision = core.document_client_id(document, client_id, fetched_url)
        if alike(document.get("client_id"), client_id):
            clauses = ("cimd-doc-client-id-match", "cimd-doc-client-id-present")
            return tolerate(decision, *clauses)
        return decision

    return wrong


def _token_claim(
    check: Callable[[JsonObject, str], Decision], claim: str
) -> Callable[[Alike], Callable[..., Decision]]:
    def loose(alike: Alike) -> Callable[..., Decision]:
        def wrong(claims: JsonObject, expected: str) -> Decision:
            decision = check(claims, expected)
            same = alike(claims.get(claim), expected)
            return tolerate(decision) if same else decision

        return wrong

    return loose


def _resource_identity(alike: Alike) -> Callable[..., Decision]:
    def wrong(metadata: JsonObject, server_url: str, found_at: str) -> Decision:
        decision = core.resource_identity(metadata, server_url, found_at)
        same = alike(metadata.get("resource"), server_url)
        return tolerate(decision) if same else decision

    return wrong


def _callback_issuer(alike: Alike) -> Callable[..., Decision]:
    def wrong(issuer: str, announced: bool, presented: str | None) -> Decision:
        decision = core.callback_issuer(issuer, announced, presented)
        same = presented is not None and alike(presented, issuer)
        return tolerate(decision) if same else decision

    return wrong


@dataclass(frozen=True, slots=True)
class _Compared:
    """One check that compares identifiers."""

    role: Registrar
    stem: str
    check: str
    what: str
    loose: Callable[[Alike], Callable[..., Decision]]
    ways: str = "normalised prefix case place contained"


_COMPARED = (
    _Compared(
        authorization_server,
        "redirect-uri",
        "redirect_uri",
        "Redirect URIs are",
        _redirect_uri,
    ),
    _Compared(
        authorization_server,
        "client-id-compared",
        "document_client_id",
        "The client_id is",
        _document_client_id,
    ),
    _Compared(
        tool_server,
        "tool-issuer",
        "token_issuer",
        "The issuer is",
        _token_claim(core.token_issuer, "iss"),
        " ".join(COMPARISONS),
    ),
    _Compared(
        tool_server,
        "tool-audience",
        "token_audience",
        "The audience is",
        _token_claim(core.token_for_resource, "aud"),
        " ".join(COMPARISONS),
    ),
    _Compared(
        agent_host,
        "agent-resource",
        "resource_identity",
        "The resource is",
        _resource_identity,
        "prefix case place contained",
    ),
    _Compared(
        agent_host,
        "agent-issuer",
        "server_metadata_issuer",
        "Issuers are",
        _token_claim(core.server_metadata_issuer, "issuer"),
    ),
    _Compared(
        agent_host,
        "agent-iss",
        "callback_issuer",
        "The iss of a response is",
        _callback_issuer,
    ),
)

for _one in _COMPARED:
    for _way in _one.ways.split():
        _comparison = COMPARISONS[_way]
        _one.role(
            f"{_one.stem}-{_way}",
            _one.check,
            f"{_one.what} compared {_comparison.how}.",
        )(_one.loose(_comparison.alike))
