"""Flaws in reading JSON: what two readers of one text can disagree about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw

_COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)


def _leniently(
    body: bytes, read: Callable[[bytes], Any], *clauses: str
) -> JsonObject | Decision:
    """Read again, with another reader, what was refused under one of the clauses."""
    found = core.document_json(body)
    if isinstance(found, JsonObject) or (clauses and found.clause not in clauses):
        return found
    try:
        value = read(body)
    except (ValueError, RecursionError):
        return found
    return JsonObject(value) if isinstance(value, dict) else found


@flaw(
    "repeated-members-accepted",
    "document_json",
    "Of repeated members the last one counts.",
)
def _repeated_members_accepted(body: bytes) -> JsonObject | Decision:
    return _leniently(body, json.loads, "cimd-doc-duplicate-members")


@flaw(
    "first-member-counts",
    "document_json",
    "Of repeated members the first one counts.",
)
def _first_member_counts(body: bytes) -> JsonObject | Decision:
    def first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(pairs))

    def read(text: bytes) -> Any:
        return json.loads(text, object_pairs_hook=first)

    return _leniently(body, read, "cimd-doc-duplicate-members")


@flaw(
    "member-names-without-case",
    "document_json",
    "Member names are matched without regard to case, the last one counts.",
)
def _member_names_without_case(body: bytes) -> JsonObject | Decision:
    found = core.document_json(body)
    if isinstance(found, Decision):
        return found
    return JsonObject({name.lower(): value for name, value in found.items()})


@flaw(
    "prototype-members-merged",
    "document_json",
    "What stands in __proto__ and constructor.prototype becomes part of the document.",
)
def _prototype_members_merged(body: bytes) -> JsonObject | Decision:
    found = core.document_json(body)
    if isinstance(found, Decision):
        return found
    constructor = found.get("constructor")
    inner = (
        constructor.get("prototype") if isinstance(constructor, JsonObject) else None
    )
    merged = dict(found)
    for more in (found.get("__proto__"), inner):
        merged.update(more if isinstance(more, JsonObject) else {})
    return JsonObject(merged)


@flaw(
    "lenient-json",
    "document_json",
    "Comments, NaN and whatever follows the object are forgiven.",
)
def _lenient_json(body: bytes) -> JsonObject | Decision:
    def read(text: bytes) -> Any:
        plain = _COMMENT.sub("", text.decode())
        return json.JSONDecoder(strict=False).raw_decode(plain.lstrip())[0]

    return _leniently(body, read, "cimd-doc-valid-json")


@flaw(
    "any-encoding-accepted",
    "document_json",
    "The character encoding is guessed.",
)
def _any_encoding_accepted(body: bytes) -> JsonObject | Decision:
    return _leniently(body, json.loads, "cimd-doc-valid-json", "cimd-doc-utf8")


@flaw(
    "broken-text-replaced",
    "document_json",
    "Bytes that are no UTF-8 are replaced, and half characters kept.",
)
def _broken_text_replaced(body: bytes) -> JsonObject | Decision:
    def read(text: bytes) -> Any:
        return json.loads(text.decode("utf-8", "replace"))

    return _leniently(body, read, "cimd-doc-utf8")


@flaw(
    "deep-nesting-accepted",
    "document_json",
    "A document may be nested as deeply as the parser bears.",
)
def _deep_nesting_accepted(body: bytes) -> JsonObject | Decision:
    return _leniently(body, json.loads, "cimd-doc-parser-limits")


@flaw(
    "redirect-uris-coerced",
    "document_json",
    "What is no array of strings is made one; a text is searched, not compared.",
)
def _redirect_uris_coerced(body: bytes) -> JsonObject | Decision:
    found = core.document_json(body)
    if isinstance(found, Decision) or "redirect_uris" not in found:
        return found
    uris = tuple(dict.fromkeys(core.strings(found["redirect_uris"])))
    if isinstance(found["redirect_uris"], str):
        start = len(core.split_url(uris[0]).origin) + 1
        uris = tuple(uris[0][:end] for end in range(start, len(uris[0]) + 1))
    urls = tuple(uri for uri in uris if ":" in uri)
    return JsonObject({**found, "redirect_uris": urls or found["redirect_uris"]})
