"""Flaws in what is remembered, and for how long."""

from __future__ import annotations

from urllib.parse import unquote

from cimd_testbed import core
from cimd_testbed.core import CacheBounds, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw

_TEN_YEARS = 10 * 365 * 86400.0


@flaw(
    "caches-forever",
    "freshness",
    "A document is fetched once and kept for ever.",
)
def _caches_forever(headers: tuple[tuple[str, str], ...], bounds: CacheBounds) -> float:
    del headers, bounds
    return _TEN_YEARS


@flaw(
    "cache-directives-ignored",
    "freshness",
    "no-store, max-age and the like are not heard.",
)
def _cache_directives_ignored(
    headers: tuple[tuple[str, str], ...], bounds: CacheBounds
) -> float:
    del headers
    return core.freshness((), bounds)


@flaw(
    "age-ignored",
    "freshness",
    "Time spent in other caches does not count.",
)
def _age_ignored(headers: tuple[tuple[str, str], ...], bounds: CacheBounds) -> float:
    kept = tuple((k, v) for k, v in headers if k.lower() != "age")
    return core.freshness(kept, bounds)


@flaw(
    "jwks-cached-forever",
    "jwks_freshness",
    "Keys are fetched once and kept for ever.",
)
def _jwks_cached_forever(
    headers: tuple[tuple[str, str], ...], bounds: CacheBounds
) -> float:
    del headers, bounds
    return _TEN_YEARS


@flaw(
    "expired-documents-used",
    "still_fresh",
    "What was fetched once is used after it expired.",
)
def _expired_documents_used(stored_at: float, lifetime: float, now: float) -> bool:
    del stored_at, lifetime, now
    return True


@flaw(
    "expired-keys-used",
    "jwks_still_fresh",
    "Keys that were fetched once are used after they expired.",
)
def _expired_keys_used(stored_at: float, lifetime: float, now: float) -> bool:
    del stored_at, lifetime, now
    return True


@flaw(
    "errors-cached",
    "failure_lifetime",
    "A failed fetch is remembered.",
)
def _errors_cached(clause: str) -> float:
    del clause
    return 3600.0


@flaw(
    "invalid-documents-cached",
    "invalid_document_lifetime",
    "An invalid document is remembered.",
)
def _invalid_documents_cached(clause: str) -> float:
    del clause
    return 3600.0


@flaw(
    "stale-document-after-failure",
    "stale_after_failure",
    "An expired document is used when the fetch fails, though it is gone.",
)
def _stale_document_after_failure(clause: str, age: float) -> bool:
    del clause, age
    return True


@flaw(
    "document-not-judged-again",
    "document_at_issue",
    "The document of the request counts, whatever it says by now.",
)
def _document_not_judged_again(
    asked: JsonObject, current: JsonObject | None
) -> JsonObject | None:
    del current
    return asked


@flaw(
    "stale-key-kept",
    "keys_that_count",
    "Keys that a client withdrew still count.",
)
def _stale_key_kept(
    previous: tuple[JsonObject, ...], current: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    return tuple(dict.fromkeys((*previous, *current)))


@flaw(
    "first-keys-pinned",
    "keys_that_count",
    "The keys seen first count for ever (too strict).",
)
def _first_keys_pinned(
    previous: tuple[JsonObject, ...], current: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    return previous or current


@flaw(
    "unknown-kid-unbraked",
    "unknown_kid_refetch",
    "Every unknown kid makes the server fetch keys.",
)
def _unknown_kid_unbraked(fetched_at: float, now: float, brake: float) -> bool:
    del fetched_at, now, brake
    return True


@flaw(
    "rotation-unnoticed",
    "unknown_kid_refetch",
    "An unknown kid never makes the server fetch keys (too strict).",
)
def _rotation_unnoticed(fetched_at: float, now: float, brake: float) -> bool:
    del fetched_at, now, brake
    return False


@flaw(
    "cache-key-normalised",
    "cache_key",
    "Documents are filed under what is left of a client_id after normalisation.",
)
def _cache_key_normalised(client_id: str) -> str:
    return client_id.partition("?")[0].rstrip("/").lower()


@flaw("cache-key-unescaped", "cache_key", "Documents are filed under a decoded URL.")
def _cache_key_unescaped(client_id: str) -> str:
    return unquote(client_id)


@flaw(
    "cache-key-of-the-folder",
    "cache_key",
    "Documents are filed under their URL up to the last slash.",
)
def _cache_key_of_the_folder(client_id: str) -> str:
    return client_id.rpartition("/")[0]


@flaw("cache-key-of-the-host", "cache_key", "A host has one document.")
def _cache_key_of_the_host(client_id: str) -> str:
    return core.split_url(client_id).origin


@flaw("cache-key-of-the-path", "cache_key", "Documents are filed without their host.")
def _cache_key_of_the_path(client_id: str) -> str:
    return core.split_url(client_id).path


@flaw(
    "never-caches",
    "freshness",
    "A document is fetched for every request.",
)
def _never_caches(headers: tuple[tuple[str, str], ...], bounds: CacheBounds) -> float:
    del headers, bounds
    return 0.0


@flaw(
    "unstorable-stored",
    "freshness",
    "What may not be kept, or not be understood, is kept for as long as anything.",
)
def _unstorable_stored(
    headers: tuple[tuple[str, str], ...], bounds: CacheBounds
) -> float:
    return core.freshness(headers, bounds) or bounds.maximum
