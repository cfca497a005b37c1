"""Flaws with codes and tokens."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "grant-types-ignored",
    "grant_type",
    "A client may use grants that it did not register.",
)
def _grant_types_ignored(requested: str, registered: tuple[str, ...]) -> Decision:
    return tolerate(core.grant_type_allowed(requested, registered))


@flaw(
    "code-not-bound-to-client",
    "code_client",
    "Another client may redeem a code.",
)
def _code_not_bound_to_client(issued_to: str, presented_by: str) -> Decision:
    return tolerate(core.code_client(issued_to, presented_by))


@flaw(
    "code-not-bound-to-redirect-uri",
    "code_redirect_uri",
    "The redirect_uri of a token request is not compared.",
)
def _code_not_bound_to_redirect_uri(
    requested: str | None, presented: str | None
) -> Decision:
    return tolerate(core.code_redirect_uri(requested, presented))


@flaw(
    "code-redirect-uri-demanded",
    "code_redirect_uri",
    "A token request without redirect_uri is refused (too strict).",
)
def _code_redirect_uri_demanded(
    requested: str | None, presented: str | None
) -> Decision:
    if presented is not None:
        return core.code_redirect_uri(requested, presented)
    return core.refuse("code-bound-to-redirect-uri", "The redirect_uri is missing.")


@flaw(
    "code-never-expires",
    "code_expiry",
    "A code works for ever.",
)
def _code_never_expires(issued_at: float, now: float, lifetime: float) -> Decision:
    return tolerate(core.code_expiry(issued_at, now, lifetime))


@flaw(
    "pkce-not-verified",
    "pkce_verifier",
    "The code_verifier is not verified.",
)
def _pkce_not_verified(
    challenge: str | None, method: str | None, verifier: str | None
) -> Decision:
    return tolerate(core.pkce_verifier(challenge, method, verifier))


@flaw(
    "verifier-optional",
    "pkce_verifier",
    "A missing code_verifier is good.",
)
def _verifier_optional(
    challenge: str | None, method: str | None, verifier: str | None
) -> Decision:
    decision = core.pkce_verifier(challenge, method, verifier)
    return tolerate(decision, "pkce-missing-verifier")


@flaw(
    "verifier-without-challenge-accepted",
    "pkce_verifier",
    "A code_verifier without a challenge is good.",
)
def _verifier_without_challenge_accepted(
    challenge: str | None, method: str | None, verifier: str | None
) -> Decision:
    decision = core.pkce_verifier(challenge, method, verifier)
    return tolerate(decision, "pkce-downgrade-no-challenge")


@flaw(
    "challenge-accepted-as-verifier",
    "pkce_verifier",
    "The challenge itself is accepted as the verifier.",
)
def _challenge_accepted_as_verifier(
    challenge: str | None, method: str | None, verifier: str | None
) -> Decision:
    decision = core.pkce_verifier(challenge, method, verifier)
    return tolerate(decision) if verifier == challenge else decision


@flaw(
    "code-reusable",
    "code_unused",
    "A code may be redeemed again.",
)
def _code_reusable(redeemed: int) -> Decision:
    return tolerate(core.code_unused(redeemed))


@flaw(
    "code-replay-harmless",
    "code_replay_revokes",
    "What a code gave survives its replay.",
)
def _code_replay_harmless(redeemed: int) -> bool:
    del redeemed
    return False


@flaw(
    "token-resource-widened",
    "token_resource",
    "A token request gets resources that were not granted.",
)
def _token_resource_widened(
    requested: tuple[str, ...], granted: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...] | None:
    narrowed = core.narrowed_resources(requested, granted, known)
    return core.known_resources(requested, known) if narrowed is None else narrowed


@flaw(
    "refresh-resource-widened",
    "refresh_resource",
    "A refresh gets resources that were not granted.",
)
def _refresh_resource_widened(
    requested: tuple[str, ...], granted: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...] | None:
    narrowed = core.narrowed_resources(requested, granted, known)
    return core.known_resources(requested, known) if narrowed is None else narrowed


@flaw(
    "audience-everything",
    "token_audience",
    "A token is for every resource.",
)
def _audience_everything(
    resources: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    del resources
    return known


@flaw(
    "audience-missing",
    "token_audience",
    "A token is for no resource in particular.",
)
def _audience_missing(
    resources: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    del resources, known
    return ()


@flaw(
    "tokens-live-long",
    "access_token_lifetime",
    "Access tokens live for a year.",
)
def _tokens_live_long(configured: float) -> float:
    return max(configured, 365 * 86400.0)


@flaw(
    "token-without-client",
    "access_token_claims",
    "Access tokens do not say whose client they are.",
)
def _token_without_client(claims: JsonObject) -> JsonObject:
    return JsonObject({k: v for k, v in claims.items() if k != "client_id"})


@flaw(
    "token-responses-cacheable",
    "token_headers",
    "Token responses may be kept by caches.",
)
def _token_responses_cacheable() -> tuple[tuple[str, str], ...]:
    return ()


@flaw(
    "refresh-always-issued",
    "refresh_token_issued",
    "Every client gets a refresh token.",
)
def _refresh_always_issued(registered: tuple[str, ...]) -> bool:
    del registered
    return True


@flaw(
    "refresh-never-issued",
    "refresh_token_issued",
    "No client gets a refresh token (too strict).",
)
def _refresh_never_issued(registered: tuple[str, ...]) -> bool:
    del registered
    return False


@flaw(
    "refresh-not-bound",
    "refresh_client",
    "Another client may use a refresh token.",
)
def _refresh_not_bound(issued_to: str, presented_by: str) -> Decision:
    return tolerate(core.refresh_client(issued_to, presented_by))


@flaw(
    "refresh-client-confused",
    "refresh_client",
    "No client may use its refresh token (too strict).",
)
def _refresh_client_confused(issued_to: str, presented_by: str) -> Decision:
    del issued_to, presented_by
    return core.refuse("refresh-client-binding", "Not yours.")


@flaw(
    "refresh-never-expires",
    "refresh_expiry",
    "An unused refresh token works for ever.",
)
def _refresh_never_expires(issued_at: float, now: float, lifetime: float) -> Decision:
    return tolerate(core.refresh_expiry(issued_at, now, lifetime))


@flaw(
    "refresh-scope-widened",
    "refresh_scope",
    "A refresh gets scope that was not granted.",
)
def _refresh_scope_widened(
    requested: tuple[str, ...], granted: tuple[str, ...]
) -> Decision:
    return tolerate(core.scope_subset(requested, granted))


@flaw(
    "refresh-reusable",
    "refresh_unused",
    "A refresh token may be used again.",
)
def _refresh_reusable(uses: int) -> Decision:
    return tolerate(core.refresh_unused(uses))


@flaw(
    "refresh-family-survives",
    "refresh_replay_revokes",
    "Reuse of a refresh token leaves its family alive.",
)
def _refresh_family_survives(uses: int) -> bool:
    del uses
    return False


@flaw(
    "refresh-not-rotated",
    "refresh_rotates",
    "Refresh tokens of public clients are not rotated.",
)
def _refresh_not_rotated(public: bool) -> bool:
    del public
    return False


@flaw(
    "revocation-ignored",
    "grant_alive",
    "A revoked grant goes on.",
)
def _revocation_ignored(revoked: bool) -> Decision:
    return tolerate(core.grant_alive(revoked))


@flaw(
    "revocation-any-client",
    "revocation_client",
    "Any client may revoke a token.",
)
def _revocation_any_client(issued_to: str, presented_by: str) -> Decision:
    return tolerate(core.revocation_client(issued_to, presented_by))


@flaw(
    "introspection-open",
    "introspection_caller",
    "Anybody may ask about tokens.",
)
def _introspection_open(resource: str | None) -> Decision:
    return tolerate(core.introspection_caller(resource))


@flaw(
    "introspection-any-resource",
    "introspection_audience",
    "A resource learns about tokens for others.",
)
def _introspection_any_resource(
    resource: str | None, audience: tuple[str, ...]
) -> Decision:
    return tolerate(core.introspection_audience(resource, audience))
