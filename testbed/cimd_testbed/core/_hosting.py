"""What a client publishes about itself: its document and its public keys."""

from __future__ import annotations

from cimd_testbed.core._document import PRIVATE_KEY_MEMBERS
from cimd_testbed.core._json import JsonObject

_HeaderList = tuple[tuple[str, str], ...]


def published_document(document: JsonObject) -> JsonObject:
    """Publish the document under the very URL that it names (CIMD-03 section 4)."""
    return document


def published_keys(keys: tuple[JsonObject, ...]) -> tuple[JsonObject, ...]:
    """Publish public members alone (CIMD-03 section 4.1)."""
    return tuple(
        JsonObject({k: v for k, v in key.items() if k not in PRIVATE_KEY_MEMBERS})
        for key in keys
    )


def document_location(url: str) -> str | None:
    """Serve the document where it is: 200, no redirect (cimd-host-serves-200)."""
    del url
    return None


def publishing_headers() -> _HeaderList:
    """Let servers keep a copy for a while (host-cache-headers)."""
    return (("Cache-Control", "public, max-age=300"),)


def keys_published(current: int, retired: int) -> int:
    """Return how many retired keys stay published beside the current one.

    All of them, until the operator withdraws them: assertions signed with them may
    still be on their way (host-rotation-overlap).
    """
    del current
    return retired
