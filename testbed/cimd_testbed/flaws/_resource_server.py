"""Flaws of the tool server around its tokens: requests, refusals, metadata."""

from __future__ import annotations

from typing import Any

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import tolerate
from cimd_testbed.flaws._flaw import tool_server as flaw


@flaw("tool-open-to-all", "open_to_all", "Nothing needs a token.")
def _tool_open_to_all(operation: str) -> bool:
    del operation
    return True


@flaw("tool-call-open", "open_to_all", "Calling a tool needs no token.")
def _tool_call_open(operation: str) -> bool:
    return operation == "tools/call"


@flaw("tool-list-open", "open_to_all", "The list of tools needs no token.")
def _tool_list_open(operation: str) -> bool:
    return operation == "tools/list"


@flaw("tool-greeting-open", "open_to_all", "initialize and discover need no token.")
def _tool_greeting_open(operation: str) -> bool:
    return operation in ("initialize", "server/discover")


@flaw("tool-stream-open", "open_to_all", "GET and DELETE need no token.")
def _tool_stream_open(operation: str) -> bool:
    return operation in ("GET", "DELETE")


@flaw(
    "tool-session-is-credential",
    "session_authenticates",
    "Whoever knows a session id needs no token.",
)
def _tool_session_is_credential(known: bool, tried: bool) -> bool:
    del tried
    return known


@flaw(
    "tool-session-for-token",
    "session_authenticates",
    "Whoever sends no token needs none in a session.",
)
def _tool_session_for_token(known: bool, tried: bool) -> bool:
    return known and not tried


@flaw(
    "tool-runs-without-token",
    "processed_when_refused",
    "A tool runs before its caller's token is refused.",
)
def _tool_runs_without_token(status: int) -> bool:
    return status == 401


@flaw(
    "tool-runs-without-scope",
    "processed_when_refused",
    "A tool runs before its caller's scope is found wanting.",
)
def _tool_runs_without_scope(status: int) -> bool:
    return status == 403


@flaw("tool-query-token", "query_token", "A token in the query is accepted.")
def _tool_query_token(parameters: tuple[tuple[str, str], ...]) -> str | None:
    return dict(parameters).get("access_token")


@flaw("tool-lenient-credentials", "bearer_token", "Anything like a token is taken.")
def _tool_lenient_credentials(authorization: tuple[str, ...]) -> str | None:
    words = " ".join(authorization).replace(",", " ").split()
    return next((word for word in words if len(word) > 20), None)


@flaw(
    "tool-scheme-case-sensitive",
    "bearer_token",
    "The scheme must be spelled Bearer (too strict).",
)
def _tool_scheme_case_sensitive(authorization: tuple[str, ...]) -> str | None:
    if authorization and not authorization[0].startswith("Bearer "):
        return core.MALFORMED
    return core.bearer_token(authorization)


@flaw("tool-invalid-token-403", "error_status", "A bad token is answered with 403.")
def _tool_invalid_token_403(error: str) -> int:
    return 403 if error == "invalid_token" else core.error_status(error)


@flaw("tool-insufficient-scope-401", "error_status", "Missing scope gives 401.")
def _tool_insufficient_scope_401(error: str) -> int:
    return 401 if error == "insufficient_scope" else core.error_status(error)


@flaw("tool-challenge-without-error", "challenge_error", "No challenge says why.")
def _tool_challenge_without_error(error: str) -> str | None:
    del error
    return None


@flaw("tool-challenge-without-scope", "challenge_scope", "No challenge names scope.")
def _tool_challenge_without_scope(
    required: tuple[str, ...], granted: tuple[str, ...]
) -> tuple[str, ...]:
    del required, granted
    return ()


@flaw(
    "tool-challenge-bit-by-bit",
    "challenge_scope",
    "A challenge names one missing scope at a time.",
)
def _tool_challenge_bit_by_bit(
    required: tuple[str, ...], granted: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(one for one in required if one not in granted)[:1]


@flaw(
    "tool-challenge-without-metadata",
    "challenge_metadata",
    "No challenge says where the metadata is.",
)
def _tool_challenge_without_metadata(url: str, host: str, forwarded: str) -> str | None:
    del url, host, forwarded
    return None


@flaw(
    "tool-challenge-follows-host",
    "challenge_metadata",
    "A challenge names the metadata on whatever host was sent.",
)
def _tool_challenge_follows_host(url: str, host: str, forwarded: str) -> str | None:
    return url.replace(core.split_url(url).origin, f"https://{forwarded or host}")


@flaw(
    "tool-challenge-scheme-unknown",
    "challenge_text",
    "A challenge has a scheme of its own invention.",
)
def _tool_challenge_scheme_unknown(parameters: tuple[tuple[str, str], ...]) -> str:
    return core.challenge_text(parameters).replace("Bearer ", "OAuth ", 1)


@flaw(
    "tool-challenge-unquoted",
    "challenge_text",
    "The values of a challenge are not quoted.",
)
def _tool_challenge_unquoted(parameters: tuple[tuple[str, str], ...]) -> str:
    return core.challenge_text(parameters).replace('"', "")


@flaw("tool-metadata-missing", "metadata_published", "There is no metadata.")
def _tool_metadata_missing(place: str) -> bool:
    del place
    return False


@flaw("tool-metadata-at-root-only", "metadata_published", "Metadata is not at /path.")
def _tool_metadata_at_root_only(place: str) -> bool:
    return place == "root"


@flaw(
    "tool-metadata-follows-host",
    "resource_metadata",
    "The resource is named after whatever host was sent.",
)
def _tool_metadata_follows_host(
    metadata: JsonObject, host: str, forwarded: str
) -> JsonObject:
    resource = metadata.text("resource") or ""
    own = core.split_url(resource).origin
    moved = resource.replace(own, f"https://{forwarded or host}")
    return _changed(metadata, resource=moved)


@flaw(
    "tool-metadata-other-resource",
    "resource_metadata",
    "The metadata spells the resource with a slash at the end.",
)
def _tool_metadata_other_resource(
    metadata: JsonObject, host: str, forwarded: str
) -> JsonObject:
    del host, forwarded
    return _changed(metadata, resource=f"{metadata['resource']}/")


@flaw(
    "tool-metadata-without-servers",
    "resource_metadata",
    "The metadata names no authorization server.",
)
def _tool_metadata_without_servers(
    metadata: JsonObject, host: str, forwarded: str
) -> JsonObject:
    del host, forwarded
    return _changed(metadata, authorization_servers=None)


@flaw(
    "tool-offline-access",
    "resource_metadata",
    "The metadata lists offline_access among the resource's scopes.",
)
def _tool_offline_access(metadata: JsonObject, host: str, forwarded: str) -> JsonObject:
    del host, forwarded
    listed = metadata.texts("scopes_supported")
    return _changed(metadata, scopes_supported=(*listed, "offline_access"))


@flaw("tool-origin-unchecked", "request_origin", "Any web page may send requests.")
def _tool_origin_unchecked(origin: str | None, own: str) -> Decision:
    return tolerate(core.request_origin(origin, own))


@flaw("tool-version-header-unchecked", "version_header", "The version may differ.")
def _tool_version_header_unchecked(header: str | None, body: str | None) -> Decision:
    return tolerate(core.version_header(header, body))


@flaw("tool-method-header-unchecked", "method_header", "Mcp-Method may differ.")
def _tool_method_header_unchecked(header: str | None, body: str | None) -> Decision:
    return tolerate(core.method_header(header, body))


@flaw("tool-name-header-unchecked", "name_header", "Mcp-Name may differ.")
def _tool_name_header_unchecked(header: str | None, body: str | None) -> Decision:
    return tolerate(core.name_header(header, body))


@flaw("tool-name-not-decoded", "name_header", "Mcp-Name is not decoded (too strict).")
def _tool_name_not_decoded(header: str | None, body: str | None) -> Decision:
    if header is not None and header.startswith("=?base64?"):
        return core.refuse("mcp-rs-header-body-match", "Mcp-Name does not match.")
    return core.name_header(header, body)


@flaw("tool-members-optional", "request_members", "_meta may be left out.")
def _tool_members_optional(message: JsonObject) -> Decision:
    return tolerate(core.request_members(message))


@flaw("tool-any-version", "protocol_version", "Unknown protocol versions are spoken.")
def _tool_any_version(version: str | None) -> Decision:
    return tolerate(core.protocol_version(version))


@flaw(
    "tool-session-for-anybody",
    "session_belongs",
    "Whoever has a token may use anybody's session.",
)
def _tool_session_for_anybody(owner: str, caller: str) -> Decision:
    return tolerate(core.session_belongs(owner, caller))


@flaw(
    "tool-session-bound-to-token",
    "session_owner",
    "A session ends with the token that opened it (too strict).",
)
def _tool_session_bound_to_token(claims: JsonObject) -> str:
    return f"{core.session_owner(claims)} {claims.get('jti')} {claims.get('exp')}"


def _changed(metadata: JsonObject, **changes: Any) -> JsonObject:
    """Change members; None removes one."""
    changed = {**metadata, **changes}
    return JsonObject({k: v for k, v in changed.items() if v is not None})


@flaw(
    "tool-token-passed-on",
    "upstream_credential",
    "The client's token goes on to the API behind the server.",
)
def _tool_token_passed_on(presented: str, own: str) -> str:
    del own
    return presented


@flaw(
    "tool-answers-by-number",
    "answer_key",
    "Answers find their request by its JSON-RPC id alone.",
)
def _tool_answers_by_number(connection: str, identifier: str) -> str:
    del connection
    return identifier
