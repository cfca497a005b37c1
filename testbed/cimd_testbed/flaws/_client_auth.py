"""Flaws in telling who calls the token endpoint."""

from __future__ import annotations

import hashlib
import hmac
import json

from joserfc.jwk import ECKey, OKPKey, RSAKey

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate
from cimd_testbed.reference import assertion_signature


@flaw(
    "several-methods-accepted",
    "single_auth_method",
    "A request may authenticate in several ways; the first counts.",
)
def _several_methods_accepted(presented: tuple[str, ...]) -> Decision:
    return tolerate(core.single_auth_method(presented))


@flaw(
    "auth-downgrade-to-none",
    "client_auth_method",
    "A client that declared keys is let in without.",
)
def _auth_downgrade_to_none(presented: str, allowed: tuple[str, ...]) -> Decision:
    decision = core.client_auth_method(presented, allowed)
    return tolerate(decision) if presented == "none" else decision


@flaw(
    "private-key-jwt-refused",
    "client_auth_method",
    "No client may authenticate with a key (too strict).",
)
def _private_key_jwt_refused(presented: str, allowed: tuple[str, ...]) -> Decision:
    if presented != "private_key_jwt":
        return core.client_auth_method(presented, allowed)
    return core.refuse("cimd-auth-method-policy", "No keys here.")


@flaw(
    "secret-presented-accepted",
    "client_auth_method",
    "Any client secret authenticates a client.",
)
def _secret_presented_accepted(presented: str, allowed: tuple[str, ...]) -> Decision:
    decision = core.client_auth_method(presented, allowed)
    return tolerate(decision) if presented.startswith("client_secret") else decision


@flaw(
    "assertion-type-parameter-ignored",
    "assertion_type",
    "Any client_assertion_type is taken for a JWT.",
)
def _assertion_type_parameter_ignored(presented: str | None) -> Decision:
    return tolerate(core.assertion_type(presented))


@flaw(
    "assertion-any-type",
    "assertion_typ",
    "Any kind of JWT authenticates a client.",
)
def _assertion_any_type(header: JsonObject) -> Decision:
    return tolerate(core.assertion_typ(header))


@flaw(
    "untyped-assertions-only",
    "assertion_typ",
    "Assertions with the type that CIMD recommends are refused (too strict).",
)
def _untyped_assertions_only(header: JsonObject) -> Decision:
    if header.get("typ") in (None, "JWT"):
        return core.assertion_typ(header)
    return core.refuse("cimd-auth-as-validates-typ", "No types here.")


@flaw(
    "critical-extensions-ignored",
    "assertion_critical",
    "Critical extensions are passed over.",
)
def _critical_extensions_ignored(header: JsonObject) -> Decision:
    return tolerate(core.assertion_critical(header))


@flaw(
    "assertion-any-subject",
    "assertion_issuer_subject",
    "An assertion about one client authenticates another.",
)
def _assertion_any_subject(claims: JsonObject, client_id: str) -> Decision:
    return tolerate(core.assertion_issuer_subject(claims, client_id))


@flaw(
    "assertion-subject-only",
    "assertion_issuer_subject",
    "Anybody may issue an assertion about a client.",
)
def _assertion_subject_only(claims: JsonObject, client_id: str) -> Decision:
    decision = core.assertion_issuer_subject(claims, client_id)
    return tolerate(decision) if claims.get("sub") == client_id else decision


@flaw(
    "assertion-any-audience",
    "assertion_audience",
    "An assertion for another server is accepted.",
)
def _assertion_any_audience(
    claims: JsonObject, issuer: str, token_endpoint: str
) -> Decision:
    return tolerate(core.assertion_audience(claims, issuer, token_endpoint))


@flaw(
    "assertion-audience-optional",
    "assertion_audience",
    "An assertion may lack its audience.",
)
def _assertion_audience_optional(
    claims: JsonObject, issuer: str, token_endpoint: str
) -> Decision:
    decision = core.assertion_audience(claims, issuer, token_endpoint)
    return tolerate(decision) if "aud" not in claims else decision


@flaw(
    "assertion-shared-audience",
    "assertion_audience",
    "An assertion may be for several servers.",
)
def _assertion_shared_audience(
    claims: JsonObject, issuer: str, token_endpoint: str
) -> Decision:
    decision = core.assertion_audience(claims, issuer, token_endpoint)
    return tolerate(decision, "pkjwt-aud-injection")


@flaw(
    "token-endpoint-audience-accepted",
    "assertion_audience",
    "The audience may be the token endpoint.",
)
def _token_endpoint_audience_accepted(
    claims: JsonObject, issuer: str, token_endpoint: str
) -> Decision:
    decision = core.assertion_audience(claims, issuer, token_endpoint)
    return tolerate(decision, "pkjwt-aud-token-endpoint")


@flaw(
    "issuer-audience-refused",
    "assertion_audience",
    "The audience has to be the token endpoint (too strict).",
)
def _issuer_audience_refused(
    claims: JsonObject, issuer: str, token_endpoint: str
) -> Decision:
    del issuer
    if claims.get("aud") in (token_endpoint, (token_endpoint,)):
        return core.accept("pkjwt-aud-token-endpoint")
    return core.refuse("pkjwt-aud-issuer-sole", "Not for this endpoint.")


@flaw(
    "assertion-never-expires",
    "assertion_expiry",
    "Expired assertions are accepted.",
)
def _assertion_never_expires(
    claims: JsonObject, now: float, longest: float
) -> Decision:
    return tolerate(core.assertion_expiry(claims, now, longest))


@flaw(
    "assertion-long-lived",
    "assertion_expiry",
    "An assertion may live for ever.",
)
def _assertion_long_lived(claims: JsonObject, now: float, longest: float) -> Decision:
    return core.assertion_expiry(claims, now, max(longest, 1e12))


@flaw(
    "assertion-from-the-future",
    "assertion_not_before",
    "Assertions that have not begun are accepted.",
)
def _assertion_from_the_future(claims: JsonObject, now: float) -> Decision:
    return tolerate(core.assertion_not_before(claims, now))


@flaw(
    "assertion-replayable",
    "assertion_jti",
    "An assertion may be used again.",
)
def _assertion_replayable(seen: int) -> Decision:
    return tolerate(core.assertion_jti(seen))


@flaw(
    "header-key-trusted",
    "assertion_key",
    "The key in an assertion's own header verifies it.",
)
def _header_key_trusted(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    brought = header.get("jwk")
    if isinstance(brought, JsonObject):
        return (brought,)
    return core.assertion_key(header, keys)


@flaw(
    "first-key-only",
    "assertion_key",
    "Only the first key of a client counts (too strict).",
)
def _first_key_only(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    return core.assertion_key(header, keys[:1])


@flaw(
    "last-key-only",
    "assertion_key",
    "Only the last key of a client counts (too strict).",
)
def _last_key_only(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    return core.assertion_key(header, keys[-1:])


@flaw(
    "key-use-ignored",
    "assertion_key",
    "Keys for encryption verify signatures.",
)
def _key_use_ignored(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    bare = tuple(key for key in keys if key.get("kid") == header.get("kid"))
    return bare if "kid" in header else keys


@flaw(
    "kid-demanded",
    "assertion_key",
    "Assertions without a kid are refused (too strict).",
)
def _kid_demanded(
    header: JsonObject, keys: tuple[JsonObject, ...]
) -> tuple[JsonObject, ...]:
    return core.assertion_key(header, keys) if "kid" in header else ()


@flaw(
    "any-key-of-the-client",
    "assertion_key_found",
    "An assertion whose key is not among the client's goes unverified.",
)
def _any_key_of_the_client(found: int) -> Decision:
    return tolerate(core.assertion_key_found(found))


@flaw(
    "assertion-signature-unchecked",
    "assertion_signature",
    "The signature of an assertion is not verified.",
)
def _assertion_signature_unchecked(
    assertion: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    return tolerate(assertion_signature(assertion, key, allowed))


@flaw(
    "alg-none-accepted",
    "assertion_signature",
    "An assertion with alg none counts as signed.",
)
def _alg_none_accepted(
    assertion: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = assertion_signature(assertion, key, allowed)
    token = core.read_unverified_jwt(assertion)
    alg = (token.header.text("alg") or "").lower() if token else ""
    return tolerate(decision) if alg == "none" else decision


@flaw(
    "hmac-with-public-key",
    "assertion_signature",
    "A MAC with the public key as its secret counts as a signature.",
)
def _hmac_with_public_key(
    assertion: str, key: JsonObject, allowed: tuple[str, ...]
) -> Decision:
    decision = assertion_signature(assertion, key, allowed)
    signed, _, mac = assertion.rpartition(".")
    token = core.read_unverified_jwt(assertion)
    if token is None or token.header.get("alg") != "HS256":
        return decision
    for secret in _public_key_bytes(key):
        digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        if hmac.compare_digest(core.secret_value(digest), mac):
            return tolerate(decision)
    return decision


@flaw(
    "rsa-refused",
    "assertion_signature",
    "RSA signatures are refused (too strict).",
)
def _rsa_refused(assertion: str, key: JsonObject, allowed: tuple[str, ...]) -> Decision:
    decision = assertion_signature(assertion, key, allowed)
    if not decision.refused and key.get("kty") == "RSA":
        return core.refuse("pkjwt-alg-allowlist", "No RSA here.")
    return decision


@flaw(
    "old-grants-without-key",
    "grant_auth_method",
    "A grant to an authenticated client is refreshed without its key.",
)
def _old_grants_without_key(issued_with: str, presented: str) -> Decision:
    return tolerate(core.grant_auth_method(issued_with, presented))


def _public_key_bytes(key: JsonObject) -> tuple[bytes, ...]:
    """Return what careless code hands to a MAC for a public key."""
    kinds: dict[str, type[ECKey | OKPKey | RSAKey]] = {
        "EC": ECKey,
        "OKP": OKPKey,
        "RSA": RSAKey,
    }
    kind = kinds.get(key.text("kty") or "")
    if kind is None:
        return ()
    pem = kind.import_key(key.plain()).as_pem(private=False)
    compact = json.dumps(key.plain(), separators=(",", ":")).encode()
    return (pem, pem.rstrip(b"\n"), compact, json.dumps(key.plain()).encode())
