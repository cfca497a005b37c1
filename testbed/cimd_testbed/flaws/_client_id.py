"""Flaws in telling which URL is a client_id, and for whom to fetch."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "url-clients-refused",
    "client_id_url",
    "No URL is taken for a client_id (too strict).",
)
def _url_clients_refused(client_id: str) -> Decision:
    return (
        core.refuse("cimd-fetch-on-url-client-id", "URLs are not welcome.")
        if not core.client_id_url(client_id).refused
        else core.client_id_url(client_id)
    )


@flaw(
    "client-id-syntax-unchecked",
    "client_id_url",
    "Any URL is taken for a client_id.",
)
def _client_id_syntax_unchecked(client_id: str) -> Decision:
    return tolerate(core.client_id_url(client_id))


@flaw(
    "http-client-id-accepted",
    "client_id_url",
    "A client_id may be any URL scheme.",
)
def _http_client_id_accepted(client_id: str) -> Decision:
    return _without(client_id, "scheme")


@flaw(
    "userinfo-accepted",
    "client_id_url",
    "A client_id may contain userinfo.",
)
def _userinfo_accepted(client_id: str) -> Decision:
    return _without(client_id, "userinfo")


@flaw(
    "fragment-accepted",
    "client_id_url",
    "A client_id may contain a fragment.",
)
def _fragment_accepted(client_id: str) -> Decision:
    return _without(client_id, "fragment")


@flaw(
    "dot-segments-accepted",
    "client_id_url",
    "A client_id may contain dot segments.",
)
def _dot_segments_accepted(client_id: str) -> Decision:
    return _without(client_id, "dot-segments")


@flaw(
    "encoded-dot-segments-accepted",
    "client_id_url",
    "A client_id may contain encoded dot segments.",
)
def _encoded_dot_segments_accepted(client_id: str) -> Decision:
    return _without(client_id, "encoded-dot-segments")


@flaw(
    "path-optional",
    "client_id_url",
    "A client_id may lack a path.",
)
def _path_optional(client_id: str) -> Decision:
    return _without(client_id, "path")


@flaw(
    "client-id-unbounded",
    "client_id_url",
    "A client_id may have any length.",
)
def _client_id_unbounded(client_id: str) -> Decision:
    return _without(client_id, "length")


@flaw(
    "port-in-client-id-refused",
    "client_id_url",
    "A client_id with a port is refused (too strict).",
)
def _port_in_client_id_refused(client_id: str) -> Decision:
    decision = core.client_id_url(client_id)
    if not decision.refused and core.split_url(client_id).port_text is not None:
        return core.refuse("cimd-client-id-port-allowed", "No ports here.")
    return decision


@flaw(
    "client-id-without-extension-refused",
    "client_id_url",
    "Only paths that end in .json are taken (too strict).",
)
def _client_id_without_extension_refused(client_id: str) -> Decision:
    decision = core.client_id_url(client_id)
    path = core.split_url(client_id).path
    if not decision.refused and not path.endswith(".json"):
        return core.refuse("cimd-client-id-path-required", "The path is odd.")
    return decision


@flaw(
    "fetches-for-strangers",
    "fetch_for_visitor",
    "Documents are fetched for visitors who have not logged in.",
)
def _fetches_for_strangers(logged_in: bool) -> bool:
    del logged_in
    return True


def _without(client_id: str, name: str) -> Decision:
    """Judge by all rules but one."""
    rules = core.CLIENT_ID_RULES
    kept = [rule for known, rule in rules.items() if known != name]
    return core.judge_client_id(client_id, kept)
