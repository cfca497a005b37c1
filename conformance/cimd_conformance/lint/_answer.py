"""Rules for the answer that carries a document: a fetch would see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cimd_conformance.lint._finding import Wrong


def lint_answer(status: int, headers: Mapping[str, str]) -> Iterator[Wrong]:
    """Yield what is wrong with status and headers (names in lower case)."""
    if 300 <= status < 400:
        what = f"The URL answers with a redirect ({status}), which nobody follows."
        fix = "Serve the document at the client_id itself."
        yield Wrong("cimd-fetch-no-redirects", "", what, fix)
    elif status != 200:
        what = f"The URL answers with status {status}."
        yield Wrong("cimd-fetch-status-200-only", "", what, "Answer with 200.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        what = f"The content type is {kind or 'missing'}."
        fix = "Say Content-Type: application/json."
        yield Wrong("cimd-fetch-content-type-json", "", what, fix)
    if not {"cache-control", "etag", "last-modified", "expires"} & set(headers):
        what = "Nothing says how long the document may be kept."
        fix = "Say Cache-Control: max-age=3600, say, and an ETag."
        yield Wrong("host-cache-headers", "", what, fix)
