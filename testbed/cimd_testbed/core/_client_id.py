"""What a Client Identifier URL may look like (CIMD-03 section 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from cimd_testbed.core._combine import strictest
from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._url import split_url

MAX_LENGTH = 2048

_DOT_SEGMENTS = frozenset({".", ".."})


def client_id_length(client_id: str) -> Decision:
    """Bound the identifier; an unbounded one is a resource attack.

    CIMD-03 section 9.7.
    """
    if len(client_id) > MAX_LENGTH:
        return refuse("cimd-client-id-length", "The client_id is too long.")
    return accept("cimd-client-id-length")


def client_id_scheme(client_id: str) -> Decision:
    """Client identifier URLs have an https scheme (CIMD-03 section 3)."""
    clause = "cimd-client-id-https"
    scheme = split_url(client_id).scheme
    if scheme == "https":
        return accept(clause)
    if scheme is not None and scheme.lower() == "https":
        return free("cimd-client-id-simple-comparison", "The scheme is in upper case.")
    return refuse(clause, "The client_id is not an https URL.")


def client_id_userinfo(client_id: str) -> Decision:
    """Check that a client identifier URL must not contain userinfo.

    CIMD-03 section 3.
    """
    clause = "cimd-client-id-userinfo"
    if split_url(client_id).userinfo is not None:
        return refuse(clause, "The client_id contains userinfo.")
    return accept(clause)


def client_id_path(client_id: str) -> Decision:
    """Check that a client identifier URL must contain a path component.

    CIMD-03 section 3.
    """
    clause = "cimd-client-id-path-required"
    path = split_url(client_id).path
    if not path:
        return refuse(clause, "The client_id has no path.")
    if path == "/":
        return free(clause, "The path of the client_id is only a slash.")
    return accept(clause)


def client_id_dot_segments(client_id: str) -> Decision:
    """Check that a path must not contain single-dot or double-dot segments.

    CIMD-03 section 3.
    """
    clause = "cimd-client-id-dot-segments"
    if _DOT_SEGMENTS & set(split_url(client_id).path.split("/")):
        return refuse(clause, "The path of the client_id has dot segments.")
    return accept(clause)


def client_id_encoded_dot_segments(client_id: str) -> Decision:
    """Refuse encoded dots, which equal dots once normalised.

    RFC 3986 section 6.2.2.2.
    """
    clause = "cimd-client-id-encoded-dot-segments"
    path = re.sub("%2e", ".", split_url(client_id).path, flags=re.IGNORECASE)
    if _DOT_SEGMENTS & set(path.split("/")):
        return refuse(clause, "The path of the client_id has encoded dot segments.")
    return accept(clause)


def client_id_query(client_id: str) -> Decision:
    """Leave a query free; there should be none (CIMD-03 section 3)."""
    clause = "cimd-client-id-query"
    if split_url(client_id).query is not None:
        return free(clause, "The client_id has a query.")
    return accept(clause)


def client_id_fragment(client_id: str) -> Decision:
    """Check that a client identifier URL must not contain a fragment.

    CIMD-03 section 3.
    """
    clause = "cimd-client-id-fragment"
    if split_url(client_id).fragment is not None:
        return refuse(clause, "The client_id has a fragment.")
    return accept(clause)


CLIENT_ID_RULES: Mapping[str, Callable[[str], Decision]] = MappingProxyType(
    {
        "length": client_id_length,
        "scheme": client_id_scheme,
        "userinfo": client_id_userinfo,
        "path": client_id_path,
        "dot-segments": client_id_dot_segments,
        "encoded-dot-segments": client_id_encoded_dot_segments,
        "fragment": client_id_fragment,
        "query": client_id_query,
    }
)
"""The rules by name, in the order in which they are applied."""


def judge_client_id(
    client_id: str, rules: Iterable[Callable[[str], Decision]]
) -> Decision:
    """Judge a Client Identifier URL by some rules."""
    return strictest((rule(client_id) for rule in rules), "cimd-client-id-https")


def client_id_url(client_id: str) -> Decision:
    """Judge a Client Identifier URL by the rules of CIMD-03 section 3.

    Whether it can be fetched is for `destination` to say, as for every other URL.
    """
    return judge_client_id(client_id, CLIENT_ID_RULES.values())


def looks_like_client_id_url(client_id: str) -> bool:
    """Whether a client_id means to be a URL, rather than a registered name."""
    return split_url(client_id).scheme is not None and "://" in client_id
