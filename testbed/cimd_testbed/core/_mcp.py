"""Rules of MCP over Streamable HTTP, in both forms: with a session, and without."""

from __future__ import annotations

import base64
import binascii
import re

from cimd_testbed.core._decision import Decision, accept, refuse
from cimd_testbed.core._json import JsonObject

LEGACY_VERSION = "2025-11-25"
MODERN_VERSION = "2026-07-28"
LEGACY_VERSIONS = (LEGACY_VERSION, "2025-06-18", "2025-03-26")
VERSION_MEMBER = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_MEMBER = "io.modelcontextprotocol/clientCapabilities"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_ENCODED = re.compile(r"=\?base64\?([A-Za-z0-9+/=]*)\?=")


def is_modern(version: str | None, message: JsonObject) -> bool:
    """Whether a message is in the form of 2026-07-28: each request by itself.

    By its header, or by what only that form has in the body, so that nobody leaves the
    header out to escape the comparison of the two.
    """
    return version == MODERN_VERSION or VERSION_MEMBER in request_meta(message)


def request_meta(message: JsonObject) -> JsonObject:
    """Return `params._meta`, empty when there is none."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, JsonObject) else None
    return meta if isinstance(meta, JsonObject) else JsonObject()


def called_name(message: JsonObject) -> str | None:
    """Return the name or URI that a request is about, None where it has none."""
    member = _NAMED.get(message.text("method") or "")
    params = message.get("params")
    if member is None or not isinstance(params, JsonObject):
        return None
    return params.text(member)


def version_header(header: str | None, body: str | None) -> Decision:
    """Compare MCP-Protocol-Version with the body (2026-07-28, Request Metadata)."""
    return _agree(header, body, "MCP-Protocol-Version")


def method_header(header: str | None, body: str | None) -> Decision:
    """Compare Mcp-Method with the body (2026-07-28, Standard Request Headers).

    A gateway decides by the header, the server by the body: they must be the same.
    """
    return _agree(header, body, "Mcp-Method")


def name_header(header: str | None, body: str | None) -> Decision:
    """Compare Mcp-Name with the body, decoded (2026-07-28, Value Encoding)."""
    if body is None:
        return accept("mcp-rs-header-body-match")
    return _agree(_decoded(header), body, "Mcp-Name")


def _agree(header: str | None, body: str | None, name: str) -> Decision:
    clause = "mcp-rs-header-body-match"
    if header is None:
        return refuse(clause, f"The header {name} is missing.")
    if header != body:
        return refuse(clause, f"The header {name} does not match the body.")
    return accept(clause)


def _decoded(header: str | None) -> str | None:
    encoded = _ENCODED.fullmatch(header or "")
    if encoded is None:
        return header
    try:
        return base64.b64decode(encoded[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def request_members(message: JsonObject) -> Decision:
    """Check that a request carries its version and capabilities (2026-07-28, basic)."""
    clause = "mcp-rs-minimal-request"
    meta = request_meta(message)
    if meta.text(VERSION_MEMBER) is None:
        return refuse(clause, "The request does not say its protocol version.")
    if not isinstance(meta.get(CAPABILITIES_MEMBER), JsonObject):
        return refuse(clause, "The request does not say what the client can do.")
    return accept(clause)


def protocol_version(version: str | None) -> Decision:
    """Check that a version is spoken here (2026-07-28, Protocol Version Header)."""
    clause = "mcp-rs-minimal-request"
    if version is None or version in (MODERN_VERSION, *LEGACY_VERSIONS):
        return accept(clause)
    return refuse(clause, "The protocol version is not supported.")


def answer_key(connection: str, identifier: str) -> str:
    """Return under what an answer waits for the request that it belongs to.

    Every client counts its requests from the same number (JSON-RPC 2.0 section 4), so
    that the number alone says not whose an answer is (CVE-2026-25536).
    """
    return f"{connection} {identifier}"


def session_authenticates(known: bool, tried: bool) -> bool:
    """Whether a session id stands in for a token: no (2025-11-25, best practices).

    Neither for none at all, nor for one that was `tried` and is not good.
    """
    del known, tried
    return False


def session_owner(claims: JsonObject) -> str:
    """Return whose a session is: the user's and the client's, not the token's.

    A client that refreshes its token keeps its session.
    """
    return " ".join(str(claims.get(name)) for name in ("iss", "sub", "client_id"))


def session_belongs(owner: str, caller: str) -> Decision:
    """Check that a session is used by whom it was opened for (Session Hijacking)."""
    clause = "mcp-legacy-session-not-auth"
    if owner != caller:
        return refuse(clause, "The session is somebody else's.")
    return accept(clause)
