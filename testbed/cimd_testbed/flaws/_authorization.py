"""Flaws at the authorization endpoint and in its responses."""

from __future__ import annotations

import fnmatch
from urllib.parse import unquote_plus, urlencode

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject
from cimd_testbed.flaws._flaw import authorization_server as flaw
from cimd_testbed.flaws._flaw import tolerate


@flaw(
    "repeated-parameters-accepted",
    "repeated_parameters",
    "Of repeated parameters the first one counts.",
)
def _repeated_parameters_accepted(names: tuple[str, ...]) -> Decision:
    return tolerate(core.repeated_parameters(names))


@flaw(
    "arbitrary-redirect-uri-picked",
    "redirect_uri_required",
    "Without a redirect_uri the first registered one is taken.",
)
def _arbitrary_redirect_uri_picked(
    requested: str | None, registered: tuple[str, ...]
) -> Decision:
    return tolerate(core.redirect_uri_required(requested, registered))


@flaw(
    "redirect-uri-not-compared",
    "redirect_uri",
    "Any redirect URI is accepted.",
)
def _redirect_uri_not_compared(requested: str, registered: tuple[str, ...]) -> Decision:
    return tolerate(core.redirect_uri_exact(requested, registered))


@flaw(
    "redirect-uri-same-host",
    "redirect_uri",
    "Any redirect URI on the host of a registered one is accepted.",
)
def _redirect_uri_same_host(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_exact(requested, registered)
    hosts = {core.split_url(uri).host for uri in registered}
    return tolerate(decision) if core.split_url(requested).host in hosts else decision


@flaw(
    "redirect-uri-host-ignored",
    "redirect_uri",
    "Of a redirect URI only the path is compared.",
)
def _redirect_uri_host_ignored(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_exact(requested, registered)
    paths = {core.split_url(uri).path for uri in registered}
    return tolerate(decision) if core.split_url(requested).path in paths else decision


@flaw(
    "redirect-uri-wildcards",
    "redirect_uri",
    "An asterisk in a registered redirect URI stands for anything.",
)
def _redirect_uri_wildcards(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_exact(requested, registered)
    matches = any(fnmatch.fnmatchcase(requested, uri) for uri in registered)
    return tolerate(decision) if matches else decision


@flaw(
    "first-redirect-uri-only",
    "redirect_uri",
    "Only the first registered redirect URI is accepted (too strict).",
)
def _first_redirect_uri_only(requested: str, registered: tuple[str, ...]) -> Decision:
    return core.redirect_uri_exact(requested, registered[:1])


@flaw(
    "loopback-port-exact",
    "loopback_port",
    "The port of a loopback redirect may not vary (too strict).",
)
def _loopback_port_exact(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_loopback_port(requested, registered)
    if decision.refused:
        return decision
    return core.refuse(decision.clause, "The port is not the registered one.")


@flaw(
    "loopback-path-free",
    "loopback_port",
    "Port and path of a loopback redirect may vary.",
)
def _loopback_path_free(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_loopback_port(requested, registered)
    hosts = {core.split_url(uri).host for uri in registered}
    wanted = core.split_url(requested)
    free = core.is_loopback_redirect(requested) and wanted.host in hosts
    return tolerate(decision) if free else decision


@flaw(
    "loopback-host-free",
    "loopback_port",
    "One loopback host stands for the others.",
)
def _loopback_host_free(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_loopback_port(requested, registered)
    local = [uri for uri in registered if core.is_loopback_redirect(uri)]
    paths = {core.split_url(uri).target for uri in local}
    free = core.split_url(requested).target in paths
    return (
        tolerate(decision)
        if free and core.is_loopback_redirect(requested)
        else decision
    )


@flaw(
    "port-free-everywhere",
    "loopback_port",
    "The port may vary for every redirect URI.",
)
def _port_free_everywhere(requested: str, registered: tuple[str, ...]) -> Decision:
    decision = core.redirect_uri_loopback_port(requested, registered)
    same = _without_port(requested) in map(_without_port, registered)
    return tolerate(decision) if same else decision


@flaw(
    "any-response-mode",
    "response_mode",
    "Any response_mode is taken for query.",
)
def _any_response_mode(value: str | None) -> Decision:
    return tolerate(core.response_mode(value))


@flaw(
    "any-challenge-accepted",
    "pkce_challenge",
    "A code_challenge may be any text.",
)
def _any_challenge_accepted(challenge: str | None) -> Decision:
    return tolerate(core.pkce_challenge(challenge))


@flaw(
    "any-response-type",
    "response_type",
    "Any response_type is taken for code.",
)
def _any_response_type(value: str | None) -> Decision:
    return tolerate(core.response_type(value))


@flaw(
    "pkce-optional",
    "pkce_required",
    "A request without code_challenge is accepted.",
)
def _pkce_optional(challenge: str | None, public: bool) -> Decision:
    return tolerate(core.pkce_required(challenge, public))


@flaw(
    "pkce-plain-accepted",
    "pkce_method",
    "The method plain is accepted, and is the default.",
)
def _pkce_plain_accepted(challenge: str | None, method: str | None) -> Decision:
    decision = core.pkce_method(challenge, method)
    return tolerate(decision) if method in (None, "plain") else decision


@flaw(
    "resource-ignored",
    "resource",
    "Whatever resource is asked for, the known ones are granted.",
)
def _resource_ignored(
    requested: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...] | None:
    granted = core.known_resources(requested, known)
    return known if granted is None else granted


@flaw(
    "resource-refused",
    "resource",
    "A request with a resource is refused (too strict).",
)
def _resource_refused(
    requested: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...] | None:
    return None if requested else core.known_resources(requested, known)


@flaw(
    "unknown-scope-granted",
    "scope",
    "A scope that does not exist is granted.",
)
def _unknown_scope_granted(
    requested: tuple[str, ...],
    known: tuple[str, ...],
    registered: tuple[str, ...] | None,
) -> Decision:
    return tolerate(core.known_scope(requested, known, registered))


@flaw(
    "scope-ceiling-ignored",
    "scope",
    "A client gets scope that it did not register.",
)
def _scope_ceiling_ignored(
    requested: tuple[str, ...],
    known: tuple[str, ...],
    registered: tuple[str, ...] | None,
) -> Decision:
    decision = core.known_scope(requested, known, registered)
    return tolerate(decision, "cimd-doc-scope-ceiling")


@flaw(
    "plural-only-read-as-none",
    "auth_methods",
    "A document with only a list of methods is taken for a public client.",
)
def _plural_only_read_as_none(
    document: JsonObject, supported: tuple[str, ...]
) -> tuple[str, ...]:
    if "token_endpoint_auth_method" in document:
        return core.auth_methods(document, supported)
    return ("none",)


@flaw(
    "missing-method-read-as-secret",
    "auth_methods",
    "A document without a method gets the default of RFC 7591 (too strict).",
)
def _missing_method_read_as_secret(
    document: JsonObject, supported: tuple[str, ...]
) -> tuple[str, ...]:
    members = {"token_endpoint_auth_method", "token_endpoint_auth_methods_supported"}
    if members.isdisjoint(document):
        return ()
    return core.auth_methods(document, supported)


@flaw(
    "unsupported-member-refused",
    "auth_methods",
    "One unknown method in the list spoils the others (too strict).",
)
def _unsupported_member_refused(
    document: JsonObject, supported: tuple[str, ...]
) -> tuple[str, ...]:
    listed = document.texts("token_endpoint_auth_methods_supported")
    if not set(supported).issuperset(listed):
        return ()
    return core.auth_methods(document, supported)


@flaw(
    "no-common-method-accepted",
    "auth_method_in_common",
    "A client that cannot authenticate here gets a code all the same.",
)
def _no_common_method_accepted(methods: tuple[str, ...]) -> Decision:
    return tolerate(core.auth_method_in_common(methods))


@flaw(
    "errors-redirected-blindly",
    "error_redirect",
    "Errors go to any redirect URI that a request names.",
)
def _errors_redirected_blindly(
    client_valid: bool, redirect_uri_valid: bool, requested: str | None
) -> str | None:
    del client_valid, redirect_uri_valid
    return requested


@flaw(
    "iss-missing",
    "response_issuer",
    "Responses lack iss.",
)
def _iss_missing(issuer: str, is_error: bool) -> str | None:
    del issuer, is_error
    return None


@flaw(
    "iss-missing-in-errors",
    "response_issuer",
    "Error responses lack iss.",
)
def _iss_missing_in_errors(issuer: str, is_error: bool) -> str | None:
    return None if is_error else core.response_issuer(issuer, is_error)


@flaw(
    "iss-with-slash",
    "response_issuer",
    "The iss of responses is not spelled like the issuer.",
)
def _iss_with_slash(issuer: str, is_error: bool) -> str | None:
    del is_error
    return f"{issuer}/"


@flaw(
    "state-changed",
    "response_state",
    "The state comes back decoded once too often.",
)
def _state_changed(state: str | None) -> str | None:
    return None if state is None else unquote_plus(state)


@flaw(
    "state-dropped",
    "response_state",
    "The state does not come back.",
)
def _state_dropped(state: str | None) -> str | None:
    del state
    return None


@flaw(
    "redirect-query-dropped",
    "response_location",
    "The query of a redirect URI is lost.",
)
def _redirect_query_dropped(
    redirect_uri: str, parameters: tuple[tuple[str, str], ...]
) -> str:
    return f"{redirect_uri.partition('?')[0]}?{urlencode(parameters)}"


@flaw(
    "redirect-307",
    "redirect_status",
    "The browser is made to post its form to the client.",
)
def _redirect_307(method: str) -> int:
    return 307 if method == "POST" else core.redirect_status(method)


@flaw(
    "short-secrets",
    "secret_value",
    "Codes and tokens are short.",
)
def _short_secrets(entropy: bytes) -> str:
    return core.secret_value(entropy[:5])


def _without_port(uri: str) -> tuple[str | None, str, str]:
    parts = core.split_url(uri)
    return parts.scheme, parts.host, parts.target
