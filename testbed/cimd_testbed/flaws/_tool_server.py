"""Flaws of the tool server in judging tokens."""

from __future__ import annotations

import hashlib
import hmac
import json

from joserfc.jwk import ECKey, RSAKey

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import tolerate
from cimd_testbed.flaws._flaw import tool_server as flaw
from cimd_testbed.reference import token_signature

_Keys = tuple[JsonObject, ...]
_SOMEBODY = JsonObject({"sub": "somebody", "scope": "mcp:read mcp:write"})


@flaw("tool-any-string", "unreadable_token", "Anything that is no JWT is accepted.")
def _tool_any_string(token: str) -> JsonObject | None:
    del token
    return _SOMEBODY


@flaw("tool-any-issuer", "token_issuer", "Tokens of any issuer are accepted.")
def _tool_any_issuer(claims: JsonObject, issuer: str) -> Decision:
    return tolerate(core.token_issuer(claims, issuer))


@flaw("tool-any-audience", "token_audience", "Tokens for others are accepted.")
def _tool_any_audience(claims: JsonObject, resource: str) -> Decision:
    return tolerate(core.token_for_resource(claims, resource))


@flaw("tool-audience-optional", "token_audience", "A token for nobody is accepted.")
def _tool_audience_optional(claims: JsonObject, resource: str) -> Decision:
    decision = core.token_for_resource(claims, resource)
    return decision if claims.get("aud") else tolerate(decision)


@flaw(
    "tool-audience-string-only",
    "token_audience",
    "An array with this server alone is refused (too strict).",
)
def _tool_audience_string_only(claims: JsonObject, resource: str) -> Decision:
    if isinstance(claims.get("aud"), tuple):
        return core.refuse("mcp-rs-audience", "The audience is no string.")
    return core.token_for_resource(claims, resource)


@flaw(
    "tool-audience-compared-if-text",
    "token_audience",
    "An audience that is no string is not compared.",
)
def _tool_audience_compared_if_text(claims: JsonObject, resource: str) -> Decision:
    decision = core.token_for_resource(claims, resource)
    odd = "aud" in claims and claims.text("aud") is None
    return tolerate(decision) if odd else decision


@flaw("tool-expired-accepted", "token_expiry", "Expired tokens are accepted.")
def _tool_expired_accepted(claims: JsonObject, now: float) -> Decision:
    decision = core.token_expiry(claims, now)
    return tolerate(decision) if claims.number("exp") is not None else decision


@flaw("tool-expiry-optional", "token_expiry", "A token need not expire.")
def _tool_expiry_optional(claims: JsonObject, now: float) -> Decision:
    decision = core.token_expiry(claims, now)
    return decision if "exp" in claims else tolerate(decision)


@flaw("tool-not-before-ignored", "token_not_before", "Tokens work before their time.")
def _tool_not_before_ignored(claims: JsonObject, now: float) -> Decision:
    return tolerate(core.token_not_before(claims, now))


@flaw(
    "tool-unknown-claims-refused",
    "token_claims",
    "A token with a claim that is not known here is refused (too strict).",
)
def _tool_unknown_claims_refused(claims: JsonObject) -> Decision:
    known = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "client_id"}
    if set(claims) - known - {"active", "token_type", "username"}:
        return core.refuse("mcp-rs-valid-token", "The token says too much.")
    return core.token_claims(claims)


@flaw("tool-any-token-type", "token_typ", "Any kind of JWT is an access token.")
def _tool_any_token_type(header: JsonObject) -> Decision:
    return tolerate(core.token_typ(header))


@flaw(
    "tool-media-type-refused",
    "token_typ",
    "typ must be at+jwt, not application/at+jwt (too strict).",
)
def _tool_media_type_refused(header: JsonObject) -> Decision:
    if (header.text("typ") or "").startswith("application/"):
        return core.refuse("mcp-rs-token-type-confusion", "The typ is not at+jwt.")
    return core.token_typ(header)


@flaw("tool-critical-ignored", "token_critical", "crit is not heeded.")
def _tool_critical_ignored(header: JsonObject) -> Decision:
    return tolerate(core.token_critical(header))


@flaw(
    "tool-signature-unchecked",
    "token_signature",
    "The signature of a token is not verified.",
)
def _tool_signature_unchecked(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    return tolerate(token_signature(token, key, allowed))


@flaw("tool-alg-none", "token_signature", "Tokens without a signature are accepted.")
def _tool_alg_none(token: str, key: JsonObject, allowed: tuple[str, ...]) -> Decision:
    decision = token_signature(token, key, allowed)
    cut = core.read_unverified_jwt(token)
    alg = (cut.header.text("alg") or "") if cut else ""
    return tolerate(decision) if alg.lower() == "none" else decision


@flaw(
    "tool-zero-signature",
    "token_signature",
    "Zeros are a valid signature of anything (CVE-2022-21449).",
)
def _tool_zero_signature(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = token_signature(token, key, allowed)
    zeros = token.rpartition(".")[2] == core.secret_value(bytes(64))
    return tolerate(decision) if zeros else decision


@flaw(
    "tool-hmac-with-public-key",
    "token_signature",
    "A MAC with the public key as its secret counts as a signature.",
)
def _tool_hmac_with_public_key(
    token: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = token_signature(token, key, allowed)
    signed, _, mac = token.rpartition(".")
    cut = core.read_unverified_jwt(token)
    if cut is None or cut.header.get("alg") != "HS256":
        return decision
    for secret in _public_key_bytes(key):
        digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        if hmac.compare_digest(core.secret_value(digest), mac):
            return tolerate(decision)
    return decision


def _public_key_bytes(key: JsonObject) -> tuple[bytes, ...]:
    kind = ECKey if key.get("kty") == "EC" else RSAKey
    found = kind.import_key(key.plain())
    return found.as_pem(private=False), json.dumps(key.plain()).encode()


@flaw("tool-embedded-key", "token_key", "The key in a token's own header is used.")
def _tool_embedded_key(header: JsonObject, keys: _Keys) -> _Keys:
    own = header.get("jwk")
    return (own,) if isinstance(own, JsonObject) else core.token_key(header, keys)


@flaw("tool-keys-kept", "keys_that_count", "Keys that the issuer withdrew still count.")
def _tool_keys_kept(previous: _Keys, current: _Keys) -> _Keys:
    return tuple(dict.fromkeys((*previous, *current)))


@flaw(
    "tool-newest-key-only",
    "keys_that_count",
    "Only the last key of the set counts (too strict).",
)
def _tool_newest_key_only(previous: _Keys, current: _Keys) -> _Keys:
    return core.keys_that_count(previous, current)[-1:]


@flaw("tool-keys-cached-forever", "keys_still_fresh", "Keys are fetched once.")
def _tool_keys_cached_forever(stored_at: float, lifetime: float, now: float) -> bool:
    del stored_at, lifetime, now
    return True


@flaw(
    "tool-rotation-unnoticed",
    "unknown_kid_refetch",
    "An unknown kid never makes the server fetch keys (too strict).",
)
def _tool_rotation_unnoticed(fetched_at: float, now: float, brake: float) -> bool:
    del fetched_at, now, brake
    return False


@flaw(
    "tool-unknown-kid-unbraked",
    "unknown_kid_refetch",
    "Every unknown kid makes the server fetch keys.",
)
def _tool_unknown_kid_unbraked(fetched_at: float, now: float, brake: float) -> bool:
    del fetched_at, now, brake
    return True


@flaw("tool-inactive-accepted", "introspection_active", "Inactive tokens are accepted.")
def _tool_inactive_accepted(answer: JsonObject) -> Decision:
    return tolerate(core.introspection_active(answer))


@flaw(
    "tool-introspection-remembered",
    "introspection_still_fresh",
    "What the issuer once said about a token counts for ever.",
)
def _tool_introspection_remembered(
    stored_at: float, lifetime: float, expires: float | None, now: float
) -> bool:
    del stored_at, lifetime, expires, now
    return True


@flaw(
    "tool-introspection-past-expiry",
    "introspection_still_fresh",
    "What the issuer once said counts for five minutes, though the token expires.",
)
def _tool_introspection_past_expiry(
    stored_at: float, lifetime: float, expires: float | None, now: float
) -> bool:
    del lifetime, expires
    return now - stored_at < 300


@flaw(
    "tool-introspection-fails-open",
    "introspection_after_failure",
    "While nobody answers, what the issuer said before counts.",
)
def _tool_introspection_fails_open(clause: str, age: float) -> bool:
    del clause, age
    return True


@flaw(
    "tool-scope-literal",
    "implied_scope",
    "A broader scope is not taken for what stands below it (too strict).",
)
def _tool_scope_literal(
    scope: tuple[str, ...], broader: tuple[tuple[str, tuple[str, ...]], ...]
) -> tuple[str, ...]:
    del broader
    return scope


@flaw("tool-scope-ignored", "token_scope", "Tokens without the scope are accepted.")
def _tool_scope_ignored(claims: JsonObject, required: tuple[str, ...]) -> Decision:
    return tolerate(core.token_scope(claims, required))


@flaw("tool-scope-by-substring", "token_scope", "Scope is searched for in the text.")
def _tool_scope_by_substring(claims: JsonObject, required: tuple[str, ...]) -> Decision:
    decision = core.token_scope(claims, required)
    text = claims.text("scope") or ""
    return tolerate(decision) if all(one in text for one in required) else decision
