"""URLs that clients name in passing: left alone, unless a check says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from cimd_testbed.core import Json, JsonObject, read_unverified_jwt
from cimd_testbed.reference.authorization_server._errors import FetchError
from cimd_testbed.reference.authorization_server._fetch import not_judged
from cimd_testbed.reference.authorization_server._state import State


async def fetch_also(state: State, client_id: str, named: Json) -> None:
    """Fetch what the check wants fetched of all URLs in a JSON value.

    What comes is for nobody, so a failure is none.
    """
    checks = state.checks
    for member, url in _urls("", named):
        onward = checks.also_fetched(member, url, client_id)
        if onward is not None:
            guard = checks.addresses if onward.judged else not_judged
            cap = state.settings.limits.document_bytes
            with suppress(FetchError):
                await state.clients.fetcher.fetch(onward.url, guard, cap, "*/*")


def _urls(member: str, value: Json) -> Iterator[tuple[str, str]]:
    """Yield every URL with the name of the innermost member that it stands in."""
    if isinstance(value, JsonObject):
        for name, item in value.items():
            yield from _urls(name, item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _urls(member, item)
    elif isinstance(value, str) and "://" in value:
        yield member, value
    elif isinstance(value, str) and member == "software_statement":
        statement = read_unverified_jwt(value)
        yield from _urls(member, statement.header if statement else None)
