"""Flaws of the tool server that look at a part and take it for the whole."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import tolerate
from cimd_testbed.flaws._flaw import tool_server as flaw
from cimd_testbed.reference import token_signature


@flaw(
    "tool-empty-token-accepted",
    "malformed_credentials",
    "A token is verified when there is one; an empty one is none.",
)
def _tool_empty_token_accepted(authorization: tuple[str, ...]) -> Decision:
    decision = core.malformed_credentials(authorization)
    empty = all(len(text.split()) == 1 for text in authorization)
    return tolerate(decision) if empty else decision


@flaw(
    "tool-placeholder-accepted",
    "unreadable_token",
    "The words null and undefined count as nobody's token, and nobody is let in.",
)
def _tool_placeholder_accepted(token: str) -> JsonObject | None:
    nobody = JsonObject({"sub": "nobody", "scope": "mcp:read mcp:write"})
    return nobody if token in ("null", "undefined") else core.unreadable_token(token)


@flaw(
    "tool-verified-by-claims",
    "verified_before",
    "Of a token that was good, header and claims are remembered, not the signature.",
)
def _tool_verified_by_claims(token: str, earlier: tuple[str, ...]) -> bool:
    return token.rpartition(".")[0] in {one.rpartition(".")[0] for one in earlier}


@flaw(
    "tool-key-url-followed",
    "token_key_url",
    "The keys are fetched from where the token says that they are.",
)
def _tool_key_url_followed(header: JsonObject, claims: JsonObject) -> str | None:
    del claims
    return header.text("jku") or header.text("x5u")


@flaw(
    "tool-token-issuer-asked",
    "token_key_url",
    "The keys are fetched from the issuer that the token names, whoever that is.",
)
def _tool_token_issuer_asked(header: JsonObject, claims: JsonObject) -> str | None:
    del header
    issuer = claims.text("iss")
    return f"{issuer}/jwks" if issuer else None


@flaw(
    "tool-unnamed-key-unchecked",
    "token_signature",
    "A token that names no key is not verified.",
)
def _tool_unnamed_key_unchecked(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = token_signature(token, key, allowed)
    cut = core.read_unverified_jwt(token)
    return tolerate(decision) if cut and "kid" not in cut.header else decision


@flaw(
    "tool-unknown-algorithm-unchecked",
    "token_signature",
    "A token whose algorithm is unknown is not verified.",
)
def _tool_unknown_algorithm_unchecked(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = token_signature(token, key, allowed)
    cut = core.read_unverified_jwt(token)
    alg = (cut.header.text("alg") or "") if cut else ""
    known = alg.lower() == "none" or alg[:2] in ("ES", "HS", "PS", "RS", "Ed")
    return decision if known else tolerate(decision)


@flaw(
    "tool-empty-signature-accepted",
    "token_signature",
    "An empty signature is not verified, whatever the algorithm.",
)
def _tool_empty_signature_accepted(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = token_signature(token, key, allowed)
    return tolerate(decision) if token.endswith(".") else decision


@flaw(
    "tool-expiry-if-a-number",
    "token_expiry",
    "exp is compared when it is a number, and overlooked when it is something else.",
)
def _tool_expiry_if_a_number(claims: JsonObject, now: float) -> Decision:
    decision = core.token_expiry(claims, now)
    overlooked = claims.get("exp") is not None and claims.number("exp") is None
    return tolerate(decision) if overlooked else decision


@flaw(
    "tool-other-methods-open",
    "open_to_all",
    "Whatever is no tool and no greeting needs no token.",
)
def _tool_other_methods_open(operation: str) -> bool:
    guarded = ("tools/", "initialize", "server/", "notifications/")
    return operation not in ("", "GET", "DELETE") and not operation.startswith(guarded)


@flaw(
    "tool-session-of-a-client",
    "session_owner",
    "A session belongs to all users of the client that opened it.",
)
def _tool_session_of_a_client(claims: JsonObject) -> str:
    return str(claims.get("client_id"))


@flaw("tool-origin-null", "request_origin", "The origin null is nobody's, and fine.")
def _tool_origin_null(origin: str | None, own: str) -> Decision:
    decision = core.request_origin(origin, own)
    return tolerate(decision) if origin == "null" else decision


@flaw("tool-origin-prefix", "request_origin", "Origins begin with the server's own.")
def _tool_origin_prefix(origin: str | None, own: str) -> Decision:
    decision = core.request_origin(origin, own)
    return tolerate(decision) if (origin or "").startswith(own) else decision


@flaw("tool-origin-suffix", "request_origin", "Origins end with the server's host.")
def _tool_origin_suffix(origin: str | None, own: str) -> Decision:
    decision = core.request_origin(origin, own)
    host = own.partition("://")[2]
    return tolerate(decision) if (origin or "").endswith(host) else decision


@flaw(
    "tool-audience-host-suffix",
    "token_audience",
    "The audience's host ends with the server's.",
)
def _tool_audience_host_suffix(claims: JsonObject, resource: str) -> Decision:
    decision = core.token_for_resource(claims, resource)
    tail = resource.partition("://")[2]
    audience = claims.text("aud") or ""
    return tolerate(decision) if audience.endswith(tail) else decision


@flaw(
    "tool-audience-host-prefix",
    "token_audience",
    "The audience begins with the server's origin, and has its path.",
)
def _tool_audience_host_prefix(claims: JsonObject, resource: str) -> Decision:
    decision = core.token_for_resource(claims, resource)
    own, audience = core.split_url(resource), core.split_url(claims.text("aud") or "")
    alike = audience.origin.startswith(own.origin) and audience.path == own.path
    return tolerate(decision) if alike else decision
