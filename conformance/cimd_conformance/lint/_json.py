"""JSON with everything that is odd about it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cimd_conformance.lint._finding import Wrong

_VALID = "cimd-doc-valid-json"
_LARGEST = 5 * 1024


@dataclass(frozen=True, slots=True)
class Parsed:
    """A JSON object, None where there is none, and what was odd."""

    members: dict[str, Any] | None
    wrong: tuple[Wrong, ...]


def parse(data: bytes, what: str = "document") -> Parsed:
    """Read a JSON object; never raises."""
    twice: list[str] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in members)
        twice.extend(name for name, count in counts.items() if count > 1)
        return dict(members)

    wrong = list(_encoding(data, what))
    try:
        value = json.loads(data.decode("utf-8-sig", "replace"), object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        text = f"The {what} is not JSON: {error}."
        return Parsed(None, (*wrong, Wrong(_VALID, "", text, "Serve a JSON object.")))
    if not isinstance(value, dict):
        text = f"The {what} is no JSON object."
        return Parsed(None, (*wrong, Wrong(_VALID, "", text, "Serve a JSON object.")))
    for name in twice:
        text = f"The member {name!r} is there more than once; parsers disagree on it."
        fix = "Keep one of them."
        wrong.append(Wrong("cimd-doc-duplicate-members", name, text, fix))
    return Parsed(value, tuple(wrong))


def _encoding(data: bytes, what: str) -> Iterator[Wrong]:
    if data.startswith(b"\xef\xbb\xbf"):
        text = f"The {what} begins with a byte order mark, which parsers may refuse."
        yield Wrong(_VALID, "", text, "Save it as UTF-8 without a mark.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = f"The {what} is not UTF-8: {error.reason} at byte {error.start}."
        yield Wrong(_VALID, "", text, "Save it as UTF-8.")
    if len(data) > _LARGEST:
        text = f"The {what} has {len(data)} bytes; servers may stop reading after 5 KB."
        fix = "Shorten it: put keys at jwks_uri, drop what no server reads."
        yield Wrong("cimd-fetch-size-limit", "", text, fix)
